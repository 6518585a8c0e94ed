"""Suggests an existing unit or indicator when a caller names one that does not exist."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

LIKENESS = 0.7
"""Minimum similarity of a suggestion, from 0 (nothing in common) to 1 (equal)."""
FOUND_MAX = 2
"""Number of units of one name that are all suggested; of more, none is."""
_UNKNOWN = re.compile(
    r"""there is no unit ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"); `kieng unit search` finds it"""
)


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return the known name that a caller most probably meant; empty if none is similar.

    Case, punctuation and leading zeros are ignored (`KNW-3` finds `KNW-03`). A unit may be named
    without the units above it (`hus` finds `vnu/hus`) if only one unit's id ends like that. Failing
    both, the most similar name is returned (`KNV-03` finds `KNW-03`).

    Args:
        text: the name that does not exist.
        known: all names of the same kind, e.g. ids of units or codes of indicators.
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


def unknown_unit(
    unit_id: str, known: Iterable[str], search: Callable[[str], Sequence[str]] | None = None
) -> str:
    """Return the error message for a unit that does not exist, in English.

    It suggests the unit that was probably meant: `there is no unit 'vnu/huss'; did you mean
    'vnu/hus'?` If no unit is similar, it names the command that searches units.

    Args:
        unit_id: the id that does not exist.
        known: ids of all units.
        search: returns the ids of units by a name or its abbreviation, if no id is similar; those
            it finds are suggested, if they are at most `FOUND_MAX`.
    """
    meant = suggestion(unit_id, known)
    found = [meant] if meant else list(search(unit_id)) if search is not None else []
    if 0 < len(found) <= FOUND_MAX:
        named = " or ".join(map(repr, found))
        return f"there is no unit {unit_id!r}; did you mean {named}?"
    return f"there is no unit {unit_id!r}; `kieng unit search` finds it"


def searched(message: str, search: Callable[[str], Sequence[str]]) -> str:
    """Return an error message with the suggestions that `unknown_unit` had no search for.

    Args:
        message: error message in English, which may contain one of `unknown_unit`.
        search: returns the ids of units by a name or its abbreviation.
    """
    return _UNKNOWN.sub(lambda found: unknown_unit(literal_eval(found[1]), (), search), message)


def _plain(name: str) -> str:
    """Return a name for comparison: lower case, no punctuation, blanks or leading zeros."""
    kept = re.sub(r"[^\w/]|_", "", name.casefold()).strip("/")
    return re.sub(r"(?<!\d)0+(?=\d)", "", kept)
