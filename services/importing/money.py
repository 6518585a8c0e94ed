"""Reads amounts of money in dong, and finds notes of other units of money. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

LENGTH_MAX = 60
"""Maximum length of an amount in characters: in a longer text a pattern would look for long."""
FRACTION = re.compile(r"-?\d+[.,]\d+")
# `1.500` may be fifteen hundred or one and a half, so a guess may be wrong by a factor of 1,000.
# Two groups of three digits, or blanks as separators, are unambiguous.
GROUPED = re.compile(
    r"\d{1,3}(?:([.,])\d{3}(?:\1\d{3})+(?:(?!\1)[.,]00?)?|(?:[ \u00a0\u202f]\d{3})+)"
)
# Databases write whole dong with two decimals. A short number may be one of millions: 15.00.
WITH_ZEROS = re.compile(r"\d{7,}[.,]00?")
END_OF_ZEROS = re.compile(r"[.,]00?$")
UNIT_OF_MONEY = re.compile(r"^(?:₫|VND|VNĐ)\s*|\s*(?:₫|đ|đồng|VND|VNĐ)$", re.IGNORECASE)
_BEGIN, _END = r"(?<![^\W_])", r"(?![^\W_])"
_OTHER = (
    rf"{_BEGIN}(?:(?:nghìn|ngàn|nghin|ngan|triệu|trieu|tỷ|tỉ|thousands?|millions?|billions?"
    r"|usd|eur|jpy|đô la|do la|dollars?|euros?|đồng yên|t[yi] dong"
    r"|tr\.?\s?(?:đ|d|đồng|dong)|tr\.?(?=\s*\)))"
    rf"{_END}(?! l[ệe]{_END})|1[.,]?000\s?(?:đồng|dong|đ|d|vn[dđ]?)|10\^\d|[$€¥])"
)
_UNIT = r"(?:đvt|dvt|đơn vị(?: tính| tiền)?|don vi(?: tinh| tien)?|unit)\W{0,4}"
_OF_DONG = r"(?:\s?(?:đồng|dong|đ|d|vnđ|vnd|of dong|of vnd))?"
OTHER = re.compile(_OTHER)
"""Matches in a heading whose amounts are not in dong, e.g. `Số tiền (triệu đồng)`."""
NOTED = re.compile(
    rf"{_BEGIN}{_UNIT}{_OTHER}{_OF_DONG}(?!\s*\w)|^(?=\D+$)\W*{_OTHER}{_OF_DONG}\W*$"
    rf"|\(\s*{_OTHER}{_OF_DONG}\s*\)\W*$"
)
"""Matches a note beside a table, e.g. `Đơn vị tính: triệu đồng` or `Kinh phí (triệu đồng)`."""


def dong_of(text: str) -> str:
    """Return the digits of an amount of whole dong: `1.500.000,00 đồng` gives `1500000`.

    Args:
        text: what somebody wrote; without outer blanks.

    Raises:
        ValueError: the text is no such amount, or may be another one. The fault of its author.
    """
    digits = UNIT_OF_MONEY.sub("", text[:LENGTH_MAX])
    if GROUPED.fullmatch(digits) or WITH_ZEROS.fullmatch(digits):
        digits = re.sub(r"\D", "", END_OF_ZEROS.sub("", digits))
    if len(text) > LENGTH_MAX or not re.fullmatch(r"\d+", digits, re.ASCII):
        raise ValueError(f"no amount: {text!r}")
    return str(int(digits))


def is_fraction(text: str) -> bool:
    """Return True if a text is a number with one separator, as `1500,5 đồng` or `1.500`."""
    return FRACTION.fullmatch(UNIT_OF_MONEY.sub("", text[:LENGTH_MAX])) is not None


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
