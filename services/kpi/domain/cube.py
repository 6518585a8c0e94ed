"""The cells of a view in memory, and the values computed from them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from services.kpi.domain.catalogue import Catalogue, Component, Indicator, Rule
from services.kpi.domain.cuts import SEPARATOR
from services.kpi.domain.digest import Digest
from services.kpi.domain.months import month_text

Row = Mapping[tuple[str, str], int]
"""A row, i.e. the cells of one unit and month in one partition: (column name, member) -> value."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A fraction, not reduced; it is undefined if the denominator is 0."""

    numerator: int
    denominator: int


Value = int | Ratio

Range = tuple[int, int]
"""First and last month, both included, counted from January of year 0."""


class Cube:
    """All cells of one view in memory. Rows of several partitions add up.

    Args:
        catalogue: the view's catalogue.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._digest = Digest()
        self._rows: dict[tuple[int, str, int], Row] = {}
        self._cells: dict[tuple[str, str], dict[int, dict[str, int]]] = {}
        self._changes: dict[str, int] = {}
        self._columns: dict[tuple[int, int, str], str] = {}
        self._lasting = {
            id(component)
            for indicator in catalogue.indicators.values()
            for component in (indicator.value, indicator.denominator)
        }

    def put(self, partition: int, unit_id: str, month: int, row: Row) -> None:
        """Replace a whole row of the cube.

        Args:
            partition: partition of the log that the row was computed from.
            unit_id: unit of the row.
            month: months since January of year 0.
            row: all cells of the row; cells that are missing here are removed.
        """
        gone = self._rows.get((partition, unit_id, month), {}).keys() - row.keys()
        self.change(partition, unit_id, month, {**row, **dict.fromkeys(gone, 0)})

    def change(self, partition: int, unit_id: str, month: int, cells: Row) -> None:
        """Replace some cells of a row in the cube.

        Args:
            partition: partition of the log that the row was computed from.
            unit_id: unit of the row.
            month: months since January of year 0.
            cells: (column name, member) -> new value; 0 removes the cell.
        """
        # A copy, because rows that `rows` returned must never change.
        row = dict(self._rows.get((partition, unit_id, month), {}))
        self._changes[unit_id] = self._changes.get(unit_id, 0) + 1
        for cell, value in cells.items():
            self._change(unit_id, month, *cell, value - row.pop(cell, 0))
            if value:
                row[cell] = value
        self._rows[partition, unit_id, month] = row

    def _change(self, unit_id: str, month: int, column: str, member: str, change: int) -> None:
        if not change:
            return
        months = self._cells.setdefault((unit_id, column), {})
        members = months.setdefault(month, {})
        old = members.get(member, 0)
        members[member] = old + change
        if not members[member]:
            del members[member]
        self._digest.replace(unit_id, month_text(month), column, member, old, old + change)

    def columns(self) -> list[tuple[str, str]]:
        """Return (unit id, column name) of all places where the cube has, or had, a cell."""
        return list(self._cells)

    def excerpt(self, places: Iterable[tuple[str, str]]) -> Cube:
        """Return a new cube with a copy of some cells, to compute values after further changes.

        It has values, but neither rows nor a digest. Places without cells are ignored.

        Args:
            places: (unit id, column name) of the cells to copy, for all months.
        """
        cube = Cube(self.catalogue)
        for place in places:
            if place in self._cells:
                months = self._cells[place].items()
                cube._cells[place] = {month: dict(members) for month, members in months}
        return cube

    def add(self, rows: Mapping[tuple[str, int], Row]) -> None:
        """Add differences to the cells of this cube, which `excerpt` returned, not to its rows.

        Args:
            rows: (unit id, month) -> (column name, member) -> difference.
        """
        for (unit_id, month), row in rows.items():
            for (column, member), change in row.items():
                members = self._cells.setdefault((unit_id, column), {}).setdefault(month, {})
                members[member] = members.get(member, 0) + change

    def digest(self) -> str:
        """Return the digest over all cells of the cube, 64 lower-case hex digits."""
        return self._digest.hex()

    def changes_of(self, unit_id: str) -> int:
        """Return how often `put` or `change` changed a row of a unit; 0 for an unknown one.

        Values of the unit may be cached until this number changes.
        """
        return self._changes.get(unit_id, 0)

    def rows(self) -> dict[tuple[int, str, int], Row]:
        """Return (partition, unit id, month) -> row, for all rows of the cube.

        These are snapshots: later changes of the cube do not affect them.
        """
        return dict(self._rows)

    def value(
        self, unit_id: str, indicator: Indicator, measure: int, first: int, last: int, target: int
    ) -> Value:
        """Return the value of an indicator at a unit over one range of months.

        It is 0 without cells, and a `Ratio` for ratios, attainments and scaled quantities; see
        `values`.

        Args:
            unit_id: the unit.
            indicator: indicator of the cube's catalogue.
            measure: 0 declared, 1 verified.
            first: first month, counted from year 0.
            last: last month, included.
            target: denominator of an attainment; 0 if no target is set.
        """
        return self.values(unit_id, indicator, measure, [(first, last)], [target])[0]

    def values(
        self,
        unit_id: str,
        indicator: Indicator,
        measure: int,
        ranges: Sequence[Range],
        targets: Sequence[int],
    ) -> list[Value]:
        """Return the values of an indicator at a unit, one for each range, in the order of ranges.

        A count without cells is 0. A ratio, an attainment or a scaled quantity is a `Ratio`, which
        is undefined if its denominator is 0, e.g. an attainment without a target.

        Args:
            unit_id: the unit.
            indicator: indicator of the cube's catalogue.
            measure: 0 declared, 1 verified.
            ranges: ranges of months.
            targets: for each range the denominator of an attainment; 0 if no target is set.
        """
        if indicator.attainment_of:
            base = self.catalogue.indicators[indicator.attainment_of]
            assert base.value is not None
            reached = self._amounts(unit_id, base.value, measure, ranges)
            # What counts in parts, e.g. in fractions, is compared with as many parts of the target.
            parts = base.value.parts
            return [Ratio(n, target * parts) for n, target in zip(reached, targets, strict=True)]
        assert indicator.value is not None
        amounts = self._amounts(unit_id, indicator.value, measure, ranges)
        if indicator.denominator is not None:
            below = self._amounts(unit_id, indicator.denominator, measure, ranges)
            return [Ratio(*both) for both in zip(amounts, below, strict=True)]
        if (parts := indicator.value.parts) > 1:
            return [Ratio(amount, parts) for amount in amounts]
        return list(amounts)

    def split(
        self, unit_id: str, indicator: Indicator, cut: str, measure: int, months: Range
    ) -> dict[str, Value]:
        """Return the value of an indicator at a unit for each term of a cut: term -> value.

        Terms without works are left out. A work counts under each of its terms, so the values may
        add up to more than the whole.

        Args:
            unit_id: the unit.
            indicator: indicator of the cube's catalogue; not an attainment.
            cut: name of the cut.
            measure: 0 declared, 1 verified.
            months: first and last month, both included.
        """
        assert indicator.value is not None
        found = self._by_term(unit_id, indicator.value, cut, measure, months)
        if indicator.denominator is not None:
            below = self._by_term(unit_id, indicator.denominator, cut, measure, months)
            return {t: Ratio(found.get(t, 0), below.get(t, 0)) for t in found.keys() | below.keys()}
        parts = indicator.value.parts
        return {t: Ratio(value, parts) if parts > 1 else value for t, value in found.items()}

    def members(
        self, unit_id: str, indicator: Indicator, measure: int, first: int, last: int
    ) -> list[str]:
        """Return what a distinct count counts, e.g. ids of partners, each once, in no fixed order.

        Empty for other indicators.

        Args:
            unit_id: the unit.
            indicator: indicator of the cube's catalogue.
            measure: 0 declared, 1 verified.
            first: first month, counted from year 0.
            last: last month, included.
        """
        component = self.catalogue.indicators.get(indicator.attainment_of, indicator).value
        if component is None or component.rule is not Rule.DISTINCT:
            return []
        months = self._cells.get((unit_id, self._column(component, measure)), {})
        named = _members(months, 0 if component.is_stock else first, last)
        return [member for member, count in named.items() if count > 0]

    def _by_term(
        self, unit_id: str, component: Component, cut: str, measure: int, months: Range
    ) -> dict[str, int]:
        cells = self._cells.get((unit_id, self._column(component, measure, cut)), {})
        first, last = months
        members = _members(cells, 0 if component.is_stock else first, last)
        if component.rule is not Rule.DISTINCT:
            return {term: value for term, value in members.items() if value}
        return Counter(n.partition(SEPARATOR)[0] for n, count in members.items() if count > 0)

    def _amounts(
        self, unit_id: str, component: Component, measure: int, ranges: Sequence[Range]
    ) -> list[int]:
        months = self._cells.get((unit_id, self._column(component, measure)), {})
        if component.is_stock:
            ranges = [(0, last) for _, last in ranges]
        if component.rule is Rule.DISTINCT:
            return [_distinct(months, first, last) for first, last in ranges]
        # Prefix sums by month: a range costs two searches, whatever its length.
        known = sorted(months)
        sums = [0, *accumulate(months[month].get("", 0) for month in known)]
        return [
            sums[bisect_right(known, last)] - sums[bisect_left(known, first)]
            for first, last in ranges
        ]

    def _column(self, component: Component, measure: int, cut: str = "") -> str:
        # Keyed by `id`, because hashing a component costs more than the sum. Only the components of
        # this catalogue are: it keeps them alive, whereas the id of an equal one is used again.
        key = (id(component), measure, cut)
        if key in self._columns:
            return self._columns[key]
        name = self.catalogue.columns[self.catalogue.number[component, measure, cut]].name
        if key[0] in self._lasting:
            self._columns[key] = name
        return name


def _distinct(months: Mapping[int, Mapping[str, int]], first: int, last: int) -> int:
    return sum(1 for count in _members(months, first, last).values() if count > 0)


def _members(months: Mapping[int, Mapping[str, int]], first: int, last: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for month, members in months.items():
        if first <= month <= last:
            for member, count in members.items():
                counts[member] = counts.get(member, 0) + count
    return counts
