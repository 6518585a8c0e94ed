"""Letters that LaTeX writes by commands for accents, one in another as Vietnamese needs them."""

from __future__ import annotations

import re
import unicodedata

# pybtex knows one accent on a letter of Western and Central Europe. Of any other it reads the inner
# one and drops the braces, after which nobody can tell which letter the outer command is about.
_MARKS = {
    "`": "\u0300",
    "'": "\u0301",
    "^": "\u0302",
    "~": "\u0303",
    "=": "\u0304",
    "u": "\u0306",
    ".": "\u0307",
    '"': "\u0308",
    "h": "\u0309",
    "r": "\u030a",
    "H": "\u030b",
    "v": "\u030c",
    "d": "\u0323",
    "c": "\u0327",
    "k": "\u0328",
    "b": "\u0331",
}
_HORN = re.compile(r"(?<!\\)\\([OoUu])horn(?![A-Za-z])(?:\{\}|\s+)?")
_LETTER = r"([^\W\d_]|\\[ij](?![A-Za-z]))"
# What is between braces or follows at once; a name of letters ends where no letter follows.
_ACCENT = re.compile(
    rf"(?<!\\)\\([`'^~=.\"]|[uhrHvdckb](?![A-Za-z]))\s*(?:\{{\s*{_LETTER}\s*\}}|{_LETTER})"
)
_LONE = re.compile(r"(?<!\\)\{([^\W\d_A-Za-z])\}")
DEPTH_MAX = 4
"""Commands and braces around one letter that are read: a horn, a tone, and the braces of each."""


def with_letters(latex: str) -> str:
    r"""Return LaTeX in which each letter under commands for accents is that letter of Unicode.

    ``Nguy{\~{\^e}}n`` becomes ``Nguyễn``. A command for which there is no such letter stays as it
    is, and so does everything else.
    """
    text = _HORN.sub(lambda found: unicodedata.normalize("NFC", f"{found[1]}\u031b"), latex)
    for _ in range(DEPTH_MAX):
        before, text = text, _LONE.sub(r"\1", _ACCENT.sub(_letter, text))
        if text == before:
            break
    return text


def _letter(found: re.Match[str]) -> str:
    base = (found[2] or found[3]).removeprefix("\\")
    letter = unicodedata.normalize("NFC", base + _MARKS[found[1]])
    return letter if len(letter) == 1 else found[0]
