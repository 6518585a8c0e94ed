"""Suggests which unit or indicator a caller may have meant by a name that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

LIKENESS = 0.7
"""Least likeness, from 0 to 1, of a name that is suggested."""


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return the known name that a text means most probably; empty if none is like it.

    A unit may be named without those above it (`hus` for `vnu/hus`), and an indicator without its
    zeros, blanks or dash (`KNW-3` for `KNW-03`).

    Args:
        text: name that is not known.
        known: names of the same kind, e.g. ids of units.
    """
    names = {_plain(name): name for name in known}
    plain = _plain(text)
    if plain in names:
        return names[plain]
    below = [name for each, name in names.items() if each.rpartition("/")[2] == plain]
    if len(below) == 1:
        return below[0]
    like = get_close_matches(plain, names, 1, LIKENESS)
    return names[like[0]] if like else ""


def unknown_unit(unit_id: str, known: Iterable[str]) -> str:
    """Return what is said of a unit that does not exist: which one may be meant, or how to find it.

    Args:
        unit_id: id that is not known.
        known: ids of all units.
    """
    if meant := suggestion(unit_id, known):
        return f"there is no unit {unit_id!r}; did you mean {meant!r}?"
    return f"there is no unit {unit_id!r}; `kieng unit search` finds it"


def _plain(name: str) -> str:
    """Return a name in lower case, with only letters, digits and slashes, and without zeros."""
    kept = re.sub(r"[^\w/]|_", "", name.casefold()).strip("/")
    return re.sub(r"(?<!\d)0+(?=\d)", "", kept)
