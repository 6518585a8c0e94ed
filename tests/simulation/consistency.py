"""What must hold of every answer at every moment, whatever was folded so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from services.kpi.domain.catalogue import MEASURES, Catalogue, Component, Indicator, Rule
from services.kpi.domain.cube import Cube
from tests.simulation import catalogues
from tests.simulation.office import LEAVES

CLAIMING = frozenset(LEAVES)
"""Units that claim works themselves: they may have more than their children together."""

Months = dict[int, dict[str, int]]
"""Month -> unit -> value of one column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column whose values are ordered along the tree."""

    name: str
    adds_up: bool
    is_stock: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked of a catalogue again and again.

    Args:
        columns: by name, those whose values are ordered along the tree.
        readable: indicators whose own values stand in them.
        parents: unit -> the unit above; without the root.
    """

    columns: Mapping[str, Column]
    readable: list[Indicator]
    parents: Mapping[str, str]


def check_consistency(cube: Cube, number: int) -> None:
    """Assert that parents are at least their largest child and at most the sum of children.

    In every single month and both measures, so in every range of months; a stock at every end.
    Fractions add up exactly. Money that a unit pays to another below the same parent is no income
    of the parent, and members of distinct counts are united, so those two rules are left out.

    What is read of one indicator, another one for each ``number``, is compared with these values.
    """
    shape = shape_of(cube.catalogue.version)
    values = _values(cube, shape.columns)
    for name, months in values.items():
        for month, units in months.items():
            _check(shape.columns[name], month, units, shape.parents)
    _compare_reads(cube, shape.readable[number % len(shape.readable)], values)


def _check(
    column: Column, month: int, units: Mapping[str, int], parents: Mapping[str, str]
) -> None:
    below: dict[str, list[int]] = {}
    for unit, value in units.items():
        if unit in parents:
            below.setdefault(parents[unit], []).append(value)
    for unit in units.keys() - below.keys():
        below[unit] = [0] if unit not in CLAIMING else []
    for parent, children in below.items():
        whole, total = units.get(parent, 0), sum(children)
        name = f"{column.name} at {parent} in {month}: {whole} of {children}"
        assert min(children, default=0) >= 0, f"{name}: negative"
        assert whole >= max(children, default=0), f"{name}: less than a child"
        if parent not in CLAIMING:
            assert whole <= total, f"{name}: more than all children"
            assert whole == total or not column.adds_up, f"{name}: fractions do not add up"


def _values(cube: Cube, columns: Mapping[str, Column]) -> dict[str, Months]:
    values: dict[str, Months] = defaultdict(lambda: defaultdict(dict))
    for (_, unit, month), row in cube.rows().items():
        for (name, member), value in row.items():
            if not member and name in columns:
                units = values[name][month]
                units[unit] = units.get(unit, 0) + value
    for name in values:
        if columns[name].is_stock:
            values[name] = _up_to(values[name])
    return values


def _up_to(months: Months) -> Months:
    """Return what stands at the end of each month that changes a stock."""
    standing: dict[str, int] = {}
    summed: Months = {}
    for month in sorted(months):
        for unit, value in months[month].items():
            standing[unit] = standing.get(unit, 0) + value
        summed[month] = dict(standing)
    return summed


def _compare_reads(cube: Cube, indicator: Indicator, values: Mapping[str, Months]) -> None:
    component = indicator.value
    assert component is not None
    for measure in range(len(MEASURES)):
        months = values.get(column_name(cube.catalogue, component, measure), {})
        ranges = [(month, month) for month in months]
        for unit in cube.catalogue.tree.ids:
            read = cube.values(unit, indicator, measure, ranges, [0] * len(ranges))
            said = [getattr(value, "numerator", value) for value in read]
            known = [months[month].get(unit, 0) for month in months]
            assert said == known, f"{indicator.code} at {unit}: {said}, not {known}"


@lru_cache(maxsize=8)
def shape_of(version: int) -> Shape:
    """Return what is asked of a catalogue version."""
    catalogue = catalogues.frozen(version).catalogue
    tree, columns = catalogue.tree, dict[str, Column]()
    for indicator in catalogue.indicators.values():
        for component in (indicator.value, indicator.denominator):
            if component is not None and component.rule in (Rule.WHOLE, Rule.FRACTION):
                for measure in range(len(MEASURES)):
                    name = column_name(catalogue, component, measure)
                    adds_up = component.rule is Rule.FRACTION
                    columns[name] = Column(name, adds_up, component.is_stock)
    readable = [
        indicator
        for indicator in catalogue.indicators.values()
        if indicator.value is not None and column_name(catalogue, indicator.value, 0) in columns
    ]
    above = {tree.ids[numbers[0]]: numbers for numbers in tree.ancestors}
    parents = {unit: tree.ids[numbers[1]] for unit, numbers in above.items() if len(numbers) > 1}
    return Shape(columns, readable, parents)


def column_name(catalogue: Catalogue, component: Component, measure: int) -> str:
    """Return the name of the column of a component in one measure, as a whole."""
    return catalogue.columns[catalogue.number[component, measure, ""]].name
