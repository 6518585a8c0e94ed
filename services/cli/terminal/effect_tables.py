"""Renders how numbers would change by events: before and after, as a table or in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from kieng.kpi.v1 import kpi_service_pb2 as api
from services.cli.terminal.kpi_tables import Names
from services.cli.terminal.render import number_text, value_text, with_sign
from services.cli.terminal.screen import Screen
from services.cli.terminal.tables import WholeTable

STAGES = ("before", "once_submitted", "once_verified")
MEASURES = ("declared", "verified")
IN_SHORT_MAX = 3


def effect_table(
    screen: Screen,
    names: Names,
    effects: Sequence[api.Effect],
    title: str,
    stages: Sequence[str] = STAGES,
) -> WholeTable:
    """Return a table with a row per number, and its values at successive stages as `3 → 5`.

    Args:
        screen: language of the texts.
        names: units of measure of the indicators.
        effects: numbers that would change, each with its values at all stages.
        title: title of the table.
        stages: stages to show, a part of `STAGES`, in order.
    """
    table = screen.table("unit", "indicator", "period", ">declared", ">verified", title=title)
    for effect in effects:
        unit = names.units_of_value.get(effect.indicator_code, "")
        steps = (_steps(screen, effect, measure, unit, stages) for measure in MEASURES)
        table.add_row(effect.unit_id, effect.indicator_code, period_text(effect), *steps)
    return table


def visible(
    screen: Screen, names: Names, effects: Iterable[api.Effect], stages: Sequence[str] = STAGES
) -> list[api.Effect]:
    """Return the effects that change a number as it is written, in the given order.

    Others change it by less than the last digit that is shown.

    Args:
        screen: language of the texts.
        names: units of measure of the indicators.
        effects: numbers that would change.
        stages: stages that are shown.
    """

    def is_visible(effect: api.Effect) -> bool:
        unit = names.units_of_value.get(effect.indicator_code, "")
        return any(" → " in _steps(screen, effect, each, unit, stages) for each in MEASURES)

    return [each for each in effects if is_visible(each)]


def in_short(screen: Screen, effects: Sequence[api.Effect], unit_id: str) -> str:
    """Return how verifying a submission would change one unit's numbers, e.g. `KNW-03 +1, KNW-05`.

    A whole number is shown with its difference, a ratio by its code alone. At most `IN_SHORT_MAX`
    are listed, followed by the number of the others. Empty if nothing would change.

    Args:
        screen: language of the text.
        effects: numbers that would change, of any units.
        unit_id: id of the unit.
    """
    found = list(_changes(screen, effects, unit_id))
    more = len(found) - IN_SHORT_MAX
    return ", ".join(found[:IN_SHORT_MAX]) + (
        f" {screen.text('effect.more', more=more)}" if more > 0 else ""
    )


def period_text(effect: api.Effect) -> str:
    """Return the period of a number: its year, e.g. `2025`, or else its month, e.g. `2025-03`."""
    year = effect.from_month[:4]
    is_year = (effect.from_month, effect.to_month) == (f"{year}-01", f"{year}-12")
    return year if is_year else effect.from_month


def _changes(screen: Screen, effects: Sequence[api.Effect], unit_id: str) -> Iterator[str]:
    ratios = []
    for effect in effects:
        before, after = effect.before.verified, effect.once_verified.verified
        if effect.unit_id != unit_id or before == after:
            continue
        if after.HasField("whole") or before.HasField("whole"):
            change = after.whole - before.whole
            told = with_sign(number_text(change, screen.lang))
            yield f"{effect.indicator_code} {told}"
        else:
            ratios.append(effect.indicator_code)
    yield from ratios


def _steps(
    screen: Screen, effect: api.Effect, measure: str, unit: str, stages: Sequence[str]
) -> str:
    """Return a value at successive stages, e.g. `3 → 5 → 8`; equal neighbours are written once."""
    values = (getattr(getattr(effect, stage), measure) for stage in stages)
    texts = [value_text(value, unit, screen.lang) for value in values]
    return " → ".join(text for text, _ in groupby(texts))
