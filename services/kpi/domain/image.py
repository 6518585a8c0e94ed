"""The cells of a view in memory, and the values that are read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.kpi.domain.catalogue import Catalogue, Component, Indicator, Rule
from services.kpi.domain.digest import Digest
from services.kpi.domain.months import month_text
from services.kpi.domain.shares import WHOLE

Row = Mapping[tuple[str, str], int]
"""Cells of one unit and month in one partition: (column name, member) -> value."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A fraction, not reduced; a denominator of 0 means that it is not defined."""

    numerator: int
    denominator: int


Value = int | Ratio


class Image:
    """All cells of one view. Rows of several partitions add up.

    Args:
        catalogue: the view's catalogue.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._digest = Digest()
        self._rows: dict[tuple[int, str, int], Row] = {}
        self._cells: dict[tuple[str, str], dict[int, dict[str, int]]] = {}

    def put(self, partition: int, unit_id: str, month: int, row: Row) -> None:
        """Replace the cells of one unit and month in one partition."""
        old_row = self._rows.get((partition, unit_id, month), {})
        self._rows[partition, unit_id, month] = row
        for column, member in old_row.keys() | row.keys():
            change = row.get((column, member), 0) - old_row.get((column, member), 0)
            if change:
                self._change(unit_id, month, column, member, change)

    def _change(self, unit_id: str, month: int, column: str, member: str, change: int) -> None:
        months = self._cells.setdefault((unit_id, column), {})
        members = months.setdefault(month, {})
        old = members.get(member, 0)
        members[member] = old + change
        if not members[member]:
            del members[member]
        self._digest.replace(unit_id, month_text(month), column, member, old, old + change)

    def digest(self) -> str:
        """Return the digest over all cells."""
        return self._digest.hex()

    def value(
        self, unit_id: str, indicator: Indicator, measure: int, first: int, last: int, target: int
    ) -> Value:
        """Return one indicator at one unit over a range of months.

        Args:
            unit_id: unit.
            indicator: indicator of the catalogue.
            measure: 0 declared, 1 verified.
            first: first month.
            last: last month, included.
            target: denominator of an attainment; 0 when there is none.
        """
        if indicator.attainment_of:
            base = self.catalogue.indicators[indicator.attainment_of]
            assert base.value is not None
            return Ratio(self._amount(unit_id, base.value, measure, first, last), target)
        assert indicator.value is not None
        amount = self._amount(unit_id, indicator.value, measure, first, last)
        if indicator.denominator is not None:
            below = self._amount(unit_id, indicator.denominator, measure, first, last)
            return Ratio(amount, below)
        return Ratio(amount, WHOLE) if indicator.value.rule is Rule.FRACTION else amount

    def _amount(
        self, unit_id: str, component: Component, measure: int, first: int, last: int
    ) -> int:
        column = self.catalogue.columns[self.catalogue.number[component, measure]].name
        months = self._cells.get((unit_id, column), {})
        begin = 0 if component.is_stock else first
        inside = [members for month, members in months.items() if begin <= month <= last]
        if component.rule is not Rule.DISTINCT:
            return sum(members.get("", 0) for members in inside)
        counts: dict[str, int] = {}
        for members in inside:
            for member, count in members.items():
                counts[member] = counts.get(member, 0) + count
        return sum(1 for count in counts.values() if count > 0)
