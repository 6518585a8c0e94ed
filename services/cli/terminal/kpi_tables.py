"""Renders values of indicators, with their targets, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from rich.console import RenderableType
from rich.table import Table

from kieng.kpi.v1 import catalogue_pb2, view_pb2
from services.cli.terminal.amounts import amount_text, short_text
from services.cli.terminal.frame import period_text, title_of
from services.cli.terminal.render import NOTHING, enum_text, iso_day_text, number_text, percent_text
from services.cli.terminal.screen import Screen
from services.texts import Lang

COLUMNS_MAX = 6
NAMES_WIDTH_MIN = 32
"""Width in characters needed by code, name and borders."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names from a catalogue in one language; all maps are empty without a catalogue.

    ``indicators``, ``units_of_value`` and ``houses`` map codes of indicators to their names, units
    of measure and houses; ``units`` maps unit ids to names.
    """

    indicators: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    units_of_value: Mapping[str, str] = field(default_factory=dict)
    houses: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(Code of a taxonomy, code of a term) -> name of the term."""
    parents: Mapping[str, str] = field(default_factory=dict)
    """Unit id -> id of the unit above, in the order of the tree; empty for the root."""

    @classmethod
    def of(cls, catalogue: catalogue_pb2.Catalogue, lang: Lang) -> Self:
        """Return the names in a catalogue in one language; a missing name is an empty text."""
        return cls(
            {i.code: getattr(i.name, lang.value) for i in catalogue.indicators},
            {u.unit_id: getattr(u.name, lang.value) for u in catalogue.units},
            {i.code: i.unit for i in catalogue.indicators},
            {i.code: i.house for i in catalogue.indicators},
            {
                (taxonomy.code, term.code): getattr(term.name, lang.value)
                for taxonomy in catalogue.taxonomies
                for term in taxonomy.terms
            },
            {u.unit_id: u.parent_id for u in catalogue.units},
        )


def grid(
    screen: Screen,
    names: Names,
    cells: Sequence[view_pb2.Cell],
    measure: str,
    view: view_pb2.ViewInfo,
    exact: bool = True,
) -> RenderableType:
    """Return a table with a row per indicator and a column per unit, or per month of one unit.

    If that does not fit the width of the screen, or there are several units as well as several
    months, the table has a row per cell instead.

    Args:
        screen: language and width.
        names: names of units and indicators.
        cells: values of one unit, indicator and range of months each; every indicator has the same
            units and months, in the same order.
        measure: `declared` or `verified`.
        view: view that the cells come from.
        exact: whether amounts of money are written with every dong.
    """
    units = list(dict.fromkeys(cell.unit_id for cell in cells))
    months = list(dict.fromkeys((cell.from_month, cell.to_month) for cell in cells))
    if len(units) > 1 and (len(units) > COLUMNS_MAX or len(months) > 1):
        return _list(screen, names, cells, measure, view, exact)
    headings = [names.units.get(unit, unit) for unit in units]
    if len(months) > 1:
        headings = [period_text(*each) for each in months]
    lines: dict[str, list[str]] = {}
    for cell in cells:
        lines.setdefault(cell.indicator_code, []).append(
            cell_text(screen, names, cell, measure, exact)
        )
    # A line may break between words but never within a number, as half of it reads like another.
    columns = zip(*lines.values(), strict=True)
    widths = [max(len(word) for text in column for word in text.split()) for column in columns]
    if sum(width + 3 for width in widths) + NAMES_WIDTH_MIN > screen.answers.width:
        return _list(screen, names, cells, measure, view, exact)
    table = screen.table("indicator", "name", title=title_of(screen, view, cells, measure))
    for heading, width in zip(headings, widths, strict=True):
        table.add_column(heading, justify="right", min_width=width, overflow="fold")
    for code, texts in lines.items():
        table.add_row(code, names.indicators.get(code, ""), *texts)
    return table


def _list(
    screen: Screen,
    names: Names,
    cells: Sequence[view_pb2.Cell],
    measure: str,
    view: view_pb2.ViewInfo,
    exact: bool,
) -> Table:
    title = title_of(screen, view, cells, measure)
    table = screen.table("unit", "indicator", "name", "period", ">value", title=title)
    for cell in cells:
        table.add_row(
            cell.unit_id,
            cell.indicator_code,
            names.indicators.get(cell.indicator_code, ""),
            period_text(cell.from_month, cell.to_month),
            cell_text(screen, names, cell, measure, exact),
        )
    return table


def cell_text(
    screen: Screen, names: Names, cell: view_pb2.Cell, measure: str, exact: bool = True
) -> str:
    """Return the value of a cell, e.g. `12 / 20 (60%)` if it has a target, and otherwise `12`.

    If the target can be judged, a second line says whether it is on pace, with the forecast. A
    further line gives the number of works whose claims contradict each other, if there are any.

    Args:
        screen: language of the text.
        names: units of measure of the indicators.
        cell: values of one unit, indicator and range of months.
        measure: `declared` or `verified`; only verified values are judged.
        exact: whether amounts of money are written with every dong.
    """
    told = _value_and_target(screen, names, cell, measure, exact)
    works = getattr(cell.contradictions, measure)
    return f"{told}\n{contradicted_text(screen, works)}" if works else told


def contradicted_text(screen: Screen, works: int) -> str:
    """Return the warning that claims on so many works differ, e.g. `⚠ claims differ on 3`."""
    return screen.text("kpi.contradicted", works=number_text(works, screen.lang))


def _value_and_target(
    screen: Screen, names: Names, cell: view_pb2.Cell, measure: str, exact: bool
) -> str:
    value = getattr(cell, measure)
    unit = names.units_of_value.get(cell.indicator_code, "")
    shown = short_text(value, unit, screen.lang, exact)
    if not cell.HasField("target") or not value.HasField("whole"):
        return shown
    part = percent_text(value.whole / cell.target, screen.lang) if cell.target else NOTHING
    target = amount_text(cell.target, unit, screen.lang, exact)
    told = f"{shown} / {target} ({part})"
    if measure != "verified" or not cell.HasField("pace"):
        return told
    return f"{told}\n{pace_text(screen, cell, unit, exact)}"


def is_over(pace: view_pb2.Pace) -> bool:
    """Return True if the year of a target is over, so that it was reached or missed for good."""
    return pace.on_date.endswith("-12-31")


def pace_text(screen: Screen, cell: view_pb2.Cell, unit: str, exact: bool) -> str:
    """Return whether a target is reached, on pace, behind or missed, with the forecast.

    The forecast is the value expected at the end of the year, with its range if one is known; it is
    left out if the target is reached or missed. If the cell shows another value than the one that
    is judged, the latter and its day are added.

    Args:
        screen: language of the text.
        cell: values of an indicator, with a target and a pace.
        unit: unit of measure of the indicator.
        exact: whether amounts of money are written with every dong.
    """
    pace = cell.pace
    standing = enum_text(view_pb2.Pace.Standing.Name(pace.standing), "STANDING_")

    def number(value: int) -> str:
        return amount_text(value, unit, screen.lang, exact)

    forecast = number(pace.forecast.numerator // pace.forecast.denominator)
    if pace.HasField("forecast_low"):
        span = f"{number(pace.forecast_low)}–{number(pace.forecast_high)}"  # noqa: RUF001
        forecast = f"{forecast} ({span})"
    told = screen.text(f"pace.{standing}", forecast=forecast)
    if standing == "behind" and is_over(pace):
        return screen.text("pace.missed", value=number(pace.value), target=number(cell.target))
    if pace.value == cell.verified.whole:
        return told
    return screen.text(
        "pace.on", day=iso_day_text(pace.on_date, screen.lang), value=number(pace.value), told=told
    )
