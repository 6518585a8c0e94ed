"""The trend of an indicator: 24 months in both trees beside its target, drawn and as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from kieng.kpi.v1 import catalogue_pb2, kpi_service_pb2
from services.portal import wire
from services.portal.domain import periods
from services.portal.domain.figures import Figure, Number
from services.portal.domain.periods import Period
from services.portal.domain.pictures import Chart, chart
from services.portal.numbers import short
from services.portal.pages.reorganisations import Trees
from services.portal.pages.tables import Value, plain
from services.portal.site import Page

Trend = Sequence[tuple[str, Number | None, Number | None, Number | None]]
"""(Month, verified, declared and verified value in the tree as it is) of consecutive months.

The last one is None where the trees were not compared.
"""
Lines = Mapping[str, Sequence[Number | None]]
"""Name -> values of consecutive months: `target`, `declared`, `now` and `verified`.

What is drawn last covers the others where they are equal. `now` is left out unless the trees
differ, and `target` unless there is one to compare with.
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A trend as it is drawn.

    ``target`` says which target is drawn; it is empty without one.
    """

    chart: Chart
    points: Mapping[str, str]
    """Name of each line -> its points in the picture of the page."""
    content: str
    """Months, marks of the scale and lines with a text for each value, as JSON for `trend.js`."""
    target: str


def trend_of(
    months: Period, history: kpi_service_pb2.GetKpisResponse, trees: Trees | None
) -> Trend:
    """Return the trend in both trees, whichever of them the numbers of the view are of.

    Args:
        months: the months.
        history: a cell for each of them.
        trees: the comparison of both trees; None if it was not made.
    """
    # A service of an earlier release answers no trend.
    compared = (trees and trees.trend) or [(None, None)] * months.months
    return [
        (month, wire.number(cell.verified) if was is None else was, wire.number(cell.declared), now)
        for month, cell, (was, now) in zip(
            periods.months_of(months), history.cells, compared, strict=True
        )
    ]


def lines_of(trend: Trend, trees: Trees | None, figure: Figure, target: Number | None) -> Lines:
    """Return the lines of the picture of a trend.

    Args:
        trend: the trend.
        trees: the comparison of both trees; None if it was not made.
        figure: the number of the period.
        target: what its target is in each month of its year; None without one.
    """
    months, verified, declared, now = zip(*trend, strict=True)
    lines = {}
    if target is not None:
        year = _target_year(trend, figure)
        lines["target"] = tuple(target if month.startswith(year) else None for month in months)
    lines["declared"] = declared
    if trees and trees.trend and not trees.is_same_trend:
        lines["now"] = now
    return {**lines, "verified": verified}


def _target_year(trend: Trend, figure: Figure) -> str:
    return (figure.on or trend[-1][0])[:4]


def drawn_of(
    page: Page,
    trend: Trend,
    trees: Trees | None,
    figure: Figure,
    indicator: catalogue_pb2.Indicator,
) -> Drawn:
    """Return a trend as it is drawn.

    The target of a flow is drawn as its even part of a month. That of a stock, whose months are
    levels, is the level to reach.

    Args:
        page: the page, for its language.
        trend: the trend.
        trees: the comparison of both trees; None if it was not made.
        figure: the number of the period, for its target.
        indicator: the indicator.
    """
    level = figure.target if indicator.value.until and figure.attainment is not None else None
    target = figure.monthly_target if level is None else level
    lines = lines_of(trend, trees, figure, target)
    picture = chart(list(lines.values()))
    text = partial(short, unit=indicator.unit, lang=page.lang)
    said = (
        ""
        if target is None
        else page.text(
            "indicator.target_line" if level is None else "indicator.target_level",
            year=_target_year(trend, figure),
            target=text(figure.target),
            month=text(target),
        )
    )
    named = [
        {
            "name": name,
            "values": [None if value is None else float(value) for value in values],
            "texts": [text(value) for value in values],
        }
        for name, values in lines.items()
    ]
    content = {
        "months": [month for month, *_ in trend],
        "marks": [(float(amount), text(amount)) for _, amount in picture.levels],
        "lines": named,
    }
    return Drawn(
        picture,
        dict(zip(lines, picture.lines, strict=True)),
        json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        said,
    )


def table_of(page: Page, trend: Trend) -> list[list[Value]]:
    """Return headings and rows of a file: the months of a trend.

    Args:
        page: the page, for its language.
        trend: the trend.
    """
    heading: list[Value] = [
        *(page.text(f"column.{name}") for name in ("month", "verified", "declared")),
        f"{page.text('column.verified')} ({page.text('trees.is')})",
    ]
    return [heading, *([month, *map(plain, values)] for month, *values in trend)]
