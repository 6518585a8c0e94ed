"""Normalises a text for search and comparison: without case, diacritics and punctuation."""

from __future__ import annotations

import re

from unidecode import unidecode

from services.kernel.folding import visible

_WORDS = re.compile(r"[a-z0-9]+")


def fold(text: str) -> str:
    """Return the words of a text in lower-case ASCII: `Đại học, Hà Nội` gives `dai hoc ha noi`.

    A text without letters and digits gives an empty text.
    """
    return " ".join(_WORDS.findall(unidecode(visible(text)).lower()))
