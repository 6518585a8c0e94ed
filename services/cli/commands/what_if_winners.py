"""Renders the winners and losers of another catalogue: changed values by unit, with totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import RenderableType
from rich.style import Style
from rich.table import Table

from kieng.kpi.v1 import catalogue_pb2, view_pb2
from kieng.kpi.v1 import catalogue_service_pb2 as api
from services.cli.commands.kpi import MEASURES
from services.cli.terminal.render import NOTHING, number_text, value_text, with_sign
from services.cli.terminal.screen import Screen

PRECISION = 10_000
NAMES = {number: name for name, number in MEASURES.items()}
WINS, LOSES, CHANGES = "wins", "loses", "changes"
OUTCOMES = (WINS, LOSES, CHANGES)
SIGNS = {WINS: "▲", LOSES: "▼", CHANGES: "•"}
BOLD = Style(bold=True)

Directions = Mapping[str, str]
"""Code of an indicator -> its better direction: `up`, `down` or `none`."""


def directions_of(indicators: Iterable[catalogue_pb2.Indicator]) -> Directions:
    """Return code of an indicator -> its better direction: `up`, `down` or `none`."""
    return {indicator.code: indicator.direction or "up" for indicator in indicators}


def outcome(change: api.CellChange, directions: Directions) -> str:
    """Return `wins` or `loses` if a change is better or worse for a unit, otherwise `changes`.

    It is neither better nor worse if the indicator is new or removed, if one of the values is not
    defined, or if no direction is better.

    Args:
        change: changed value of a unit.
        directions: code of an indicator -> its better direction; see `directions_of`.
    """
    step = difference(change)
    better = directions.get(change.indicator_code, "none")
    if not step or better == "none":
        return CHANGES
    return WINS if (step > 0) == (better == "up") else LOSES


def difference(change: api.CellChange) -> int | float | None:
    """Return the value after a change minus the value before; None if either is not defined."""
    before, after = number(change.before), number(change.after)
    return None if before is None or after is None else after - before


def number(value: view_pb2.Value) -> int | float | None:
    """Return a value as a number, a ratio as a float; None if unset or its denominator is 0."""
    if value.HasField("whole"):
        return value.whole
    ratio = value.ratio
    return ratio.numerator / ratio.denominator if ratio.denominator else None


def totals_json(
    changes: Sequence[api.CellChange], directions: Directions
) -> list[dict[str, str | int]]:
    """Return for each unit and measure how many indicators win, lose or change.

    Each entry is a JSON object with the keys `unit`, `measure`, `wins`, `loses` and `changes`.
    """
    found: dict[tuple[str, str], Counter[str]] = {}
    for change in changes:
        counted = found.setdefault((change.unit_id, NAMES[change.measure]), Counter())
        counted[outcome(change, directions)] += 1
    return [
        {"unit": unit, "measure": measure, **{name: counted[name] for name in OUTCOMES}}
        for (unit, measure), counted in found.items()
    ]


def winners_and_losers(
    screen: Screen, title: str, changes: Sequence[api.CellChange], directions: Directions
) -> RenderableType:
    """Return a table of changed cells by unit: totals, gains, losses and other changes.

    If there are no changes, return a sentence that says so.

    Args:
        screen: language of the texts.
        title: title of the table.
        changes: changed cells, those of a unit one after another.
        directions: code of an indicator -> its better direction: `up`, `down` or `none`.
    """
    if not changes:
        return screen.text("what_if.same")
    table = screen.table(
        "unit", "indicator", ">before", ">after", ">difference", ">works", "work_key", title=title
    )
    for unit_id, several in groupby(changes, key=lambda change: change.unit_id):
        _add_unit(screen, table, unit_id, list(several), directions)
    return table


def _add_unit(
    screen: Screen,
    table: Table,
    unit_id: str,
    changes: Sequence[api.CellChange],
    directions: Directions,
) -> None:
    by_outcome: dict[str, list[api.CellChange]] = {name: [] for name in OUTCOMES}
    for change in changes:
        by_outcome[outcome(change, directions)].append(change)
    counts: Any = {name: len(several) for name, several in by_outcome.items()}
    table.add_section()
    table.add_row(unit_id, screen.text("what_if.totals", **counts), style=BOLD)
    for name, several in by_outcome.items():
        for change in several:
            more = ["..."] if change.works > len(change.work_keys) else []
            table.add_row(
                "",
                f"{SIGNS[name]} {change.indicator_code}",
                _text(screen, change.before),
                _text(screen, change.after),
                _difference_text(screen, change),
                str(change.works),
                "\n".join([*change.work_keys, *more]),
            )


def _text(screen: Screen, value: view_pb2.Value) -> str:
    return value_text(value, "", screen.lang)


def _difference_text(screen: Screen, change: api.CellChange) -> str:
    step = difference(change)
    if step is None:
        return NOTHING
    if isinstance(step, int):
        return with_sign(number_text(step, screen.lang))
    ratio = view_pb2.Ratio(numerator=round(step * PRECISION), denominator=PRECISION)
    return with_sign(_text(screen, view_pb2.Value(ratio=ratio)))
