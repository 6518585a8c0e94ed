"""Normalises identifiers, so that different ways of typing the same one compare equal.

Unifies letter forms, dashes and invisible characters, so that a name or number that was typed,
pasted from a PDF or copied from a web page is the same. What reads differently stays different:
`KC-02` is not `KC.02`.
"""

from __future__ import annotations

import re
import unicodedata

# Everything that people or programs write instead of a hyphen: all dashes of Unicode that NFKC
# leaves, the minus signs, the hyphen bullet, and the sign into which word processors turn an
# optional hyphen.
_DASHES = dict.fromkeys(map(ord, "\u058a\u05be\u1400\u1806\u2010\u2012\u2013\u2014\u2015"), "-")
_DASHES |= dict.fromkeys(map(ord, "\u2e17\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0"), "-")
_DASHES |= dict.fromkeys(map(ord, "\U00010ead\u2212\u02d7\u2796\u2043\u00ac"), "-")
_SLASHES = dict.fromkeys(map(ord, "\u2044\u2215\u2571\u29f8"), "/")
# Eth looks like the Vietnamese D with stroke and is typed for it on foreign keyboards.
_STROKES = {ord("Ð"): "Đ", ord("ð"): "đ", ord("Ɖ"): "Đ", ord("ɖ"): "đ"}
_SEPARATOR = re.compile(r"\s*([-/.])\s*")


def without_invisible(text: str) -> str:
    """Return the text without format characters, such as zero-width spaces and soft hyphens.

    All other characters stay, blanks included.
    """
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def visible(text: str) -> str:
    """Return the text in Unicode form NFKC, without invisible characters and surplus blanks.

    Leading and trailing blanks are removed, and each run of blanks becomes one space.
    """
    return " ".join(without_invisible(unicodedata.normalize("NFKC", text)).split())


def with_plain_dashes(text: str) -> str:
    """Return the text as `visible` does, with every kind of dash as `-` and of slash as `/`."""
    return visible(text).translate(_DASHES).translate(_SLASHES)


def folded(text: str) -> str:
    """Return the form in which an identifier is compared, e.g. `kc - 02` as `KC-02`.

    The text is made `visible` and upper case, with one kind of dash, of slash and of `Đ`. Blanks
    around `-`, `/` and `.` are removed. An empty text remains empty.
    """
    plain = with_plain_dashes(text).translate(_STROKES)
    return _SEPARATOR.sub(r"\1", plain).upper()
