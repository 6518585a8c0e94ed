"""Rules of ExplainKpi: what one work adds to a cell. All shares add up to the cell exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from services.kpi.domain.catalogue import Catalogue, Component, Indicator
from services.kpi.domain.contribution import key_parts
from services.kpi.domain.cube import Ratio, Value
from services.kpi.domain.work import Key


def narrowed(catalogue: Catalogue, indicator: Indicator) -> Catalogue:
    """Return a copy of a catalogue that counts only what one indicator needs, without its cuts.

    Columns keep their numbers, so what a work contributes by the copy is a part of what it
    contributes by the whole catalogue, at a fraction of the cost.

    Args:
        catalogue: all definitions.
        indicator: one of them; an attainment is treated as the indicator that it divides.
    """
    counted = catalogue.indicators.get(indicator.attainment_of, indicator)
    both = counted.value, counted.denominator
    wanted = {catalogue.number[each, 0, ""] for each in both if each is not None}
    components_of = {
        name: [(column, component) for column, component in listed if column in wanted]
        for name, listed in catalogue.components_of.items()
    }
    return replace(catalogue, components_of=components_of, cuts_of={})


def share_of(
    contributed: Mapping[Key, int],
    catalogue: Catalogue,
    unit: int,
    indicator: Indicator,
    measure: int,
    first: int,
    last: int,
) -> tuple[Value, str]:
    """Return what a work adds to an indicator at a unit over a range of months, and its member.

    Without any share the value is 0 or a `Ratio` with numerator 0. The member is what a distinct
    count counts, e.g. the id of a partner, and empty for all other indicators. In a distinct count,
    the value is how often the work names its member. Different works may name the same member,
    which counts once, so these values do not add up to the cell.

    Args:
        contributed: the work's contribution, not rolled up.
        catalogue: definitions and unit tree.
        unit: number of the unit in the tree.
        indicator: what is counted; an attainment is treated as the indicator that it divides.
        measure: 0 declared, 1 verified.
        first: first month, counted from year 0.
        last: last month, included.
    """
    if indicator.attainment_of:
        indicator = catalogue.indicators[indicator.attainment_of]
    assert indicator.value is not None

    def amount(component: Component) -> tuple[int, str]:
        column = catalogue.number[component, measure, ""]
        begin = 0 if component.is_stock else first
        total, named = 0, ""
        for key, value in contributed.items():
            number, member = key if isinstance(key, tuple) else (key, "")
            where, month, which = key_parts(number)
            if which == column and begin <= month <= last and catalogue.tree.holds(unit, where):
                total, named = total + value, member
        return total, named

    value, member = amount(indicator.value)
    if indicator.denominator is not None:
        return Ratio(value, amount(indicator.denominator)[0]), member
    if indicator.value.parts > 1 and value:
        return Ratio(value, indicator.value.parts), member
    return value, member


def adds_something(value: Value) -> bool:
    """Return True if a work's share is not zero, so that an explanation has to list the work.

    A ratio is zero only if both numerator and denominator are.
    """
    if isinstance(value, Ratio):
        return bool(value.numerator or value.denominator)
    return bool(value)
