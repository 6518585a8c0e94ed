"""Finds the unit that people mean when they write its name instead of its id."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from kieng.directory.v1 import directory_pb2
from services.importing.field_values import CellWrong
from services.importing.headings import slug

ID = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)*")
"""Matches the form of a unit's id."""
FIELDS = frozenset({"unit_id", "payer_unit_id", "institutions"})
"""Fields of a submission that hold ids of units."""
LISTED_MAX = 5
Units = Iterable[directory_pb2.Unit]


class UnitNames:
    """The names of units: names in both languages, abbreviations and aliases.

    Args:
        read: returns the units, those that ended included; called once, when a text is no id. None
            are known if it returns none.
        home: unit whose own names come first: the names of other units are looked at only if
            neither it nor a unit below it is called so. Empty for no such preference.
    """

    def __init__(self, read: Callable[[], Units] = tuple, home: str = "") -> None:
        self._read, self._home = read, home
        self._known: Mapping[str, Sequence[str]] | None = None

    def id_of(self, text: str) -> str:
        """Return the id of the unit that a text names; a text that is no name stays unchanged.

        Case, diacritics and punctuation are ignored. Units that ended are found only if no existing
        unit has the name. Whether an id exists is for the service to check.

        Args:
            text: an id or a name.

        Raises:
            CellWrong: several units are called so. The fault of the author.
        """
        if ID.fullmatch(text):
            return text
        found = self._called(text)
        if len(found) > 1:
            raise CellWrong("cell.units", text=text, units=", ".join(found[:LISTED_MAX]))
        return found[0] if found else text

    def _called(self, text: str) -> Sequence[str]:
        if self._known is None:
            self._known = _by_name(self._read())
        found = self._known.get(slug(text), ())
        own = [each for each in found if f"{each}/".startswith(f"{self._home}/")]
        return own if self._home and own else found


def _by_name(units: Units) -> Mapping[str, Sequence[str]]:
    existing: dict[str, list[str]] = {}
    ended: dict[str, list[str]] = {}
    for unit in units:
        names = {unit.name.vi, unit.name.en, unit.abbreviation, *unit.aliases}
        for name in {slug(each) for each in names} - {""}:
            (ended if unit.valid_to else existing).setdefault(name, []).append(unit.unit_id)
    return ended | existing


NO_UNITS = UnitNames()
"""Knows no unit, so that every text stays unchanged."""
