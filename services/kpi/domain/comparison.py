"""Rules of what-if: numbers that differ between two catalogues, and the works behind. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from services.kpi.domain.catalogue import Catalogue, Indicator
from services.kpi.domain.cube import Cube, Range, Value
from services.kpi.domain.explanation import adds_something
from services.kpi.domain.fold import roll_up
from services.kpi.domain.work import Key

WORKS_NAMED = 5
"""Maximum number of works listed by a change; all are counted."""

ValueKey = tuple[str, str, int]
"""Unit, indicator and measure."""

Amounts = dict[tuple[int, str], int]
"""What a work adds: (0 for the value, 1 for the denominator; member) -> amount."""


@dataclass(slots=True)
class Works:
    """Works that count differently in a what-if: their number, and the first few by key."""

    count: int = 0
    keys: list[str] = field(default_factory=list)

    def add(self, work_key: str) -> None:
        """Count a work; works come in order of key within a partition."""
        self.count += 1
        self.keys = sorted([*self.keys, work_key])[:WORKS_NAMED]


@dataclass(frozen=True, slots=True)
class Change:
    """One number before and after a what-if; None where a catalogue does not have it."""

    unit_id: str
    code: str
    measure: int
    before: Value | None
    after: Value | None
    works: Works


class Side:
    """One catalogue of a what-if, with its cells.

    Args:
        catalogue: the catalogue to count with.
        months: range of months to compare.
    """

    def __init__(self, catalogue: Catalogue, months: Range) -> None:
        self.catalogue = catalogue
        self.cube = Cube(catalogue)
        self._months = months
        self._uses: dict[str, list[tuple[str, int, int, bool]]] = {}
        for indicator in catalogue.indicators.values():
            self._note_uses(indicator)

    def _note_uses(self, indicator: Indicator) -> None:
        counted = self.catalogue.indicators[indicator.attainment_of or indicator.code]
        for part, component in enumerate((counted.value, counted.denominator)):
            if component is None:
                continue
            for measure in (0, 1):
                column = self.catalogue.columns[self.catalogue.number[component, measure, ""]]
                use = (indicator.code, measure, part, component.is_stock)
                self._uses.setdefault(column.name, []).append(use)

    def shares(self, contributed: Mapping[Key, int]) -> dict[ValueKey, Amounts]:
        """Return what a work adds to this catalogue's numbers of the range."""
        first, last = self._months
        found: dict[ValueKey, Amounts] = {}
        for (unit_id, month), row in roll_up(contributed, self.catalogue).items():
            if month > last:
                continue
            for (column, member), value in row.items():
                for code, measure, part, is_stock in self._uses.get(column, ()):
                    if is_stock or month >= first:
                        amounts = found.setdefault((unit_id, code, measure), {})
                        amounts[part, member] = amounts.get((part, member), 0) + value
        return {
            place: kept for place, amounts in found.items() if (kept := _without_zeros(amounts))
        }

    def value(self, place: ValueKey, target: int) -> Value | None:
        """Return a number under this catalogue; None if it does not have the unit or indicator."""
        unit_id, code, measure = place
        indicator = self.catalogue.indicators.get(code)
        if indicator is None or unit_id not in self.catalogue.tree.number:
            return None
        return self.cube.value(unit_id, indicator, measure, *self._months, target)


class Comparison:
    """Collects the numbers of the same works under two catalogues, for a what-if.

    Args:
        before: the live catalogue.
        after: the catalogue to try.
        months: range of months.
        targets: `<unit>|<indicator>` -> target of the last month's year.
    """

    def __init__(
        self, before: Catalogue, after: Catalogue, months: Range, targets: Mapping[str, int]
    ) -> None:
        self.before, self.after = Side(before, months), Side(after, months)
        self._targets = targets
        self._works: dict[ValueKey, Works] = {}

    def add(self, work_key: str, before: Mapping[Key, int], after: Mapping[Key, int]) -> None:
        """Add a work with its contribution under either catalogue."""
        if not before and not after:
            return
        old, new = self.before.shares(before), self.after.shares(after)
        for place in old.keys() | new.keys():
            if old.get(place) != new.get(place):
                self._works.setdefault(place, Works()).add(work_key)

    def changes(self) -> Iterator[Change]:
        """Return the numbers that a what-if changes, by unit in tree order, then indicator."""
        trees = (self.after.catalogue.tree, self.before.catalogue.tree)
        units = list(dict.fromkeys(unit_id for tree in trees for unit_id in tree.ids))
        sides = (self.after, self.before)
        codes = list(dict.fromkeys(code for side in sides for code in side.catalogue.indicators))
        for place in (
            (unit, code, measure) for unit in units for code in codes for measure in (0, 1)
        ):
            target = self._targets.get(f"{place[0]}|{self._base(place[1])}", 0)
            before, after = (side.value(place, target) for side in (self.before, self.after))
            if before != after and (before or after):
                yield Change(*place, before, after, self._works.get(place, Works()))

    def _base(self, code: str) -> str:
        for side in (self.after, self.before):
            if indicator := side.catalogue.indicators.get(code):
                return indicator.attainment_of or code
        return code


def _is_something(value: Value | None) -> bool:
    return value is not None and adds_something(value)


def _without_zeros(amounts: Amounts) -> Amounts:
    return {key: value for key, value in amounts.items() if value}
