"""Finds units of money other than dong, which would make each amount another one. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_BEGIN, _END = r"(?<![^\W_])", r"(?![^\W_])"
_OTHER = (
    rf"{_BEGIN}(?:(?:nghìn|ngàn|nghin|ngan|triệu|trieu|tỷ|tỉ|thousands?|millions?|billions?"
    r"|usd|eur|jpy|đô la|do la|dollars?|euros?|đồng yên|tr\.?\s?(?:đ|d)?|t[yi] dong)"
    rf"{_END}(?! l[ệe]{_END})|1[.,]?000\s?(?:đ|d|vn)|10\^\d|[$€¥])"
)
_UNIT = r"(?:đvt|dvt|đơn vị(?: tính| tiền)?|don vi(?: tinh| tien)?|unit)\W{0,4}"
_OF_DONG = r"(?:\s?(?:đồng|dong|đ|d|vnđ|vnd|of dong|of vnd))?"
OTHER = re.compile(_OTHER)
"""Matches in a heading whose amounts are not in dong, e.g. `Số tiền (triệu đồng)`."""
NOTED = re.compile(rf"{_BEGIN}{_UNIT}{_OTHER}|^(?=\(|\D+$)\W*{_OTHER}{_OF_DONG}\W*$")
"""Matches a note beside a table, e.g. `Đơn vị tính: triệu đồng` or only `(triệu đồng)`."""


def is_other(heading: str) -> bool:
    """Return True if a heading of amounts says that they are in another unit than dong.

    That is a multiple, as in `Số tiền (triệu đồng)`, or another currency.
    """
    return OTHER.search(_plain(heading)) is not None


def noted(texts: Iterable[str]) -> str:
    """Return the first text that notes a unit of money other than dong; empty if none does.

    Args:
        texts: texts beside a table, e.g. `Đơn vị tính: triệu đồng`.
    """
    return next((text for text in texts if NOTED.search(_plain(text))), "")


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
