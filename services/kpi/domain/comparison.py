"""Rules of what-if: which numbers differ between two catalogues, and which works cause it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from services.kpi.domain.catalogue import Catalogue, Component, Indicator
from services.kpi.domain.cube import Cube, Range, Ratio, Value
from services.kpi.domain.fold import roll_up
from services.kpi.domain.targets import is_measured
from services.kpi.domain.work import Key

WORKS_NAMED = 5
"""Maximum number of works whose keys a change lists; all of them are counted."""

ValueKey = tuple[str, str, int]
"""(unit id, indicator code, measure) of one number."""

Amounts = dict[tuple[int, str], int | Fraction]
"""(0 for the value or 1 for the denominator, member of a distinct count or empty) -> amount.

What counts in parts is a fraction, so that equal amounts of two catalogues are equal.
"""


@dataclass(slots=True)
class Works:
    """Works that count differently in a what-if.

    Args:
        count: number of such works.
        keys: the first few work keys in alphabetical order, at most `WORKS_NAMED`.
    """

    count: int = 0
    keys: list[str] = field(default_factory=list)

    def add(self, work_key: str) -> None:
        """Add a work that the two catalogues count differently. Call at most once per work."""
        self.count += 1
        self.keys = sorted([*self.keys, work_key])[:WORKS_NAMED]


@dataclass(frozen=True, slots=True)
class Change:
    """One number before and after a what-if.

    Args:
        unit_id: unit of the number.
        code: code of the indicator.
        measure: 0 declared, 1 verified.
        before: value under the live catalogue; None if it lacks the unit or indicator.
        after: value under the catalogue to try; None if it lacks the unit or indicator.
        works: the works that cause the difference.
    """

    unit_id: str
    code: str
    measure: int
    before: Value | None
    after: Value | None
    works: Works


class Side:
    """One of the two catalogues of a what-if, with the cells that it gives.

    Its `cube` is empty at first; the caller fills it with the cells counted by this catalogue.

    Args:
        catalogue: the catalogue to count with.
        months: first and last month to compare, both included.
    """

    def __init__(self, catalogue: Catalogue, months: Range) -> None:
        self.catalogue = catalogue
        self.cube = Cube(catalogue)
        self._months = months
        self._uses: dict[str, list[tuple[str, int, int, Component]]] = {}
        for indicator in catalogue.indicators.values():
            self._note_uses(indicator)

    def _note_uses(self, indicator: Indicator) -> None:
        counted = self.catalogue.indicators[indicator.attainment_of or indicator.code]
        for part, component in enumerate((counted.value, counted.denominator)):
            if component is None:
                continue
            for measure in (0, 1):
                column = self.catalogue.columns[self.catalogue.number[component, measure, ""]]
                use = (indicator.code, measure, part, component)
                self._uses.setdefault(column.name, []).append(use)

    def shares(self, contributed: Mapping[Key, int]) -> dict[ValueKey, Amounts]:
        """Return (unit id, code, measure) -> (part, member) -> what one work adds to that number.

        Only the range of months counts, and zeros are left out.

        Args:
            contributed: the work's contribution under this catalogue, not rolled up.
        """
        first, last = self._months
        found: dict[ValueKey, Amounts] = {}
        for (unit_id, month), row in roll_up(contributed, self.catalogue).items():
            if month > last:
                continue
            for (column, member), value in row.items():
                for code, measure, part, component in self._uses.get(column, ()):
                    if component.is_stock or month >= first:
                        parts = component.parts
                        added = value if parts == 1 else Fraction(value, parts)
                        amounts = found.setdefault((unit_id, code, measure), {})
                        amounts[part, member] = amounts.get((part, member), 0) + added
        return {
            place: kept for place, amounts in found.items() if (kept := _without_zeros(amounts))
        }

    def value(self, place: ValueKey, targets: Mapping[str, int]) -> Value | None:
        """Return one number under this catalogue; None if it lacks the unit or the indicator.

        Args:
            place: unit, indicator and measure of the number.
            targets: `<unit id>|<indicator code>` -> target of the year of the last month.
        """
        unit_id, code, measure = place
        indicator = self.catalogue.indicators.get(code)
        if indicator is None or unit_id not in self.catalogue.tree.number:
            return None
        base = self.catalogue.indicators.get(indicator.attainment_of, indicator)
        is_held = is_measured(base, self._months)
        target = targets.get(f"{unit_id}|{base.code}", 0) if is_held else 0
        return self.cube.value(unit_id, indicator, measure, *self._months, target)

    def is_something(self, place: ValueKey, value: Value | None) -> bool:
        """Return whether a number is more than a count of 0, an undefined ratio, or an absent one.

        Args:
            place: unit, indicator and measure of the number.
            value: the number, as `value` returns it.
        """
        if not isinstance(value, Ratio):
            return bool(value)
        return bool(value.numerator) or bool(value.denominator and not self._is_count(place[1]))

    def compared(self, place: ValueKey, value: Value | None) -> Value | Fraction | None:
        """Return a number in the form in which it is compared: a count in parts as a fraction.

        Args:
            place: unit, indicator and measure of the number.
            value: the number, as `value` returns it.
        """
        if isinstance(value, Ratio) and self._is_count(place[1]):
            return Fraction(value.numerator, value.denominator)
        return value

    def _is_count(self, code: str) -> bool:
        indicator = self.catalogue.indicators[code]
        return indicator.denominator is None and not indicator.attainment_of


class Comparison:
    """Compares the numbers that the same works give under two catalogues, for a what-if.

    The caller adds each work, and puts the cells of each catalogue into ``before.cube`` and
    ``after.cube``, before it asks for `changes`.

    Args:
        before: the live catalogue.
        after: the catalogue to try.
        months: first and last month to compare, both included.
        targets: `<unit id>|<indicator code>` -> target of the year of the last month.
    """

    def __init__(
        self, before: Catalogue, after: Catalogue, months: Range, targets: Mapping[str, int]
    ) -> None:
        self.before, self.after = Side(before, months), Side(after, months)
        self._months, self._targets = months, targets
        self._works: dict[ValueKey, Works] = {}

    def add(self, work_key: str, before: Mapping[Key, int], after: Mapping[Key, int]) -> None:
        """Add a work to this comparison, so that it is named with the numbers that it changes.

        Call it once per work. The cubes are not changed.

        Args:
            work_key: key of the work.
            before: its contribution under the live catalogue, not rolled up.
            after: its contribution under the catalogue to try, not rolled up.
        """
        if not before and not after:
            return
        old, new = self.before.shares(before), self.after.shares(after)
        for place in old.keys() | new.keys():
            if old.get(place) != new.get(place):
                self._works.setdefault(place, Works()).add(work_key)

    def changes(self) -> Iterator[Change]:
        """Yield each number that differs between the catalogues, with the works that cause it.

        A number that is nothing under either catalogue is left out, e.g. a count that is 0 under
        one and absent from the other. The order is that of the units in the tree, then of the
        indicators, then declared before verified.
        """
        trees = (self.after.catalogue.tree, self.before.catalogue.tree)
        units = list(dict.fromkeys(unit_id for tree in trees for unit_id in tree.ids))
        sides, both = (self.after, self.before), (self.before, self.after)
        codes = list(dict.fromkeys(code for side in sides for code in side.catalogue.indicators))
        for place in (
            (unit, code, measure) for unit in units for code in codes for measure in (0, 1)
        ):
            before, after = (side.value(place, self._targets) for side in both)
            is_told = any(
                side.is_something(place, value)
                for side, value in zip(both, (before, after), strict=True)
            )
            one, other = self.before.compared(place, before), self.after.compared(place, after)
            if one != other and is_told:
                yield Change(*place, before, after, self._works.get(place, Works()))


def _without_zeros(amounts: Amounts) -> Amounts:
    return {key: value for key, value in amounts.items() if value}
