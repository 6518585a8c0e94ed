"""Folds the ways to write one identifier into one: forms of letters, dashes, invisible characters.

Names and numbers are compared by it, so that one typed, pasted from a PDF or taken from a web page
is the same. What reads as different stays different: `KC-02` is not `KC.02`.
"""

from __future__ import annotations

import re
import unicodedata

# Hyphen, non-breaking hyphen, figure dash, en dash, em dash, horizontal bar, hyphen bullet, minus,
# modifier minus, small and full forms, and the sign that an optional hyphen of a word processor
# becomes: all that people or programs put where a hyphen is meant.
_DASHES = dict.fromkeys(
    map(
        ord,
        "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u02d7\ufe58\ufe63\uff0d\u00ac",
    ),
    "-",
)
_SLASHES = dict.fromkeys(map(ord, "\u2044\u2215"), "/")
# Eth looks like the Vietnamese D with stroke, and keyboards of other languages have only that.
_STROKES = {ord("Ð"): "Đ", ord("ð"): "đ", ord("Ɖ"): "Đ", ord("ɖ"): "đ"}
_SEPARATOR = re.compile(r"\s*([-/.])\s*")


def without_invisible(text: str) -> str:
    """Return a text without format characters, such as zero-width ones and soft hyphens."""
    return "".join(char for char in text if unicodedata.category(char) != "Cf")


def visible(text: str) -> str:
    """Return a text composed (NFKC), without invisible characters and blanks around it."""
    return " ".join(without_invisible(unicodedata.normalize("NFKC", text)).split())


def with_plain_dashes(text: str) -> str:
    """Return a visible text with one kind of dash and of slash."""
    return visible(text).translate(_DASHES).translate(_SLASHES)


def folded(text: str) -> str:
    """Return the form in which an identifier is compared: upper case, one kind of dash.

    Blanks around `-`, `/` and `.` do not matter; others count as one.
    """
    plain = with_plain_dashes(text).translate(_STROKES)
    return _SEPARATOR.sub(r"\1", plain).upper()
