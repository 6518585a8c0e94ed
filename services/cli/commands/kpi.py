"""`kieng kpi ...`: shows the numbers of the live view, watches them, and explains them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from kieng.kpi.v1 import catalogue_service_pb2, kpi_service_pb2, view_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.calendar import day_in_vietnam
from services.cli.commands import kpi_history
from services.cli.completion_words import INDICATORS, UNITS
from services.cli.errors import USAGE, Failure
from services.cli.lazy_group import Entry, lazy_group
from services.cli.session import Session, with_session
from services.cli.terminal.kpi_tables import Names, grid
from services.cli.terminal.render import cell_json, view_json

LAZY = {
    "show": Entry(
        "kpi_show:show",
        "Show indicators of units over a range of months, now or in the past, and their targets.",
    ),
    "explain": Entry(
        "kpi_explain:explain",
        "List the works behind a number and their sum, or explain why one work counts or not.",
    ),
    "diff": Entry(
        "kpi_diff:diff",
        "List the works that entered, left or changed a unit's numbers since then, and the sums.",
    ),
    "plot": Entry(
        "kpi_plot:plot",
        "Draw an indicator from January to each month, against what is expected and the target.",
    ),
    "overlaps": Entry(
        "kpi_overlaps:overlaps",
        "List the works that several children of a unit claim; they count once above.",
    ),
}
app = typer.Typer(
    cls=lazy_group(LAZY),
    no_args_is_help=True,
    help="Read the numbers and the works behind them.",
)

app.command()(kpi_history.days)

Units = Annotated[
    list[str],
    typer.Option(
        "--unit", help="Unit (default: the consortium and every institution). Repeatable."
    ),
]
Indicators = Annotated[
    list[str],
    typer.Option("--indicator", help="Indicator, e.g. KNW-01 (default: all). Repeatable."),
]
From = Annotated[
    str, typer.Option("--from", help="First month, e.g. 2025-01 (default: January of that year).")
]
To = Annotated[str, typer.Option("--to", help="Last month, included (default: this month).")]
ByMonth = Annotated[bool, typer.Option("--by-month", help="One value per month.")]
MeasureOption = Annotated[
    str, typer.Option("--measure", help="verified or declared; JSON has both.")
]
OnDay = Annotated[
    str,
    typer.Option("--on", help="Day on which targets are judged, e.g. 2025-07-31 (default: today)."),
]
OneUnit = Annotated[str, typer.Option("--unit", help="Unit, e.g. vnu/hus.")]
EveryWork = Annotated[bool, typer.Option("--all", help="Every work, not only the first 100.")]
OneIndicator = Annotated[str, typer.Option("--indicator", help="Indicator, e.g. KNW-03.")]

MEASURES = {
    "verified": kpi_service_pb2.MEASURE_VERIFIED,
    "declared": kpi_service_pb2.MEASURE_DECLARED,
}


def read_measure(name: str) -> kpi_service_pb2.Measure.ValueType:
    """Return the `Measure` of the contract that an option names: `verified` or `declared`.

    Raises:
        Failure: there is no measure of this name.
    """
    if name not in MEASURES:
        raise Failure(f"--measure {name!r}: verified or declared", USAGE)
    return MEASURES[name]


def check_month(option: str, month: str) -> None:
    """Check that the value of an option is a month; ``option`` is its name for the message.

    Raises:
        Failure: the value is not a month `YYYY-MM`.
    """
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise Failure(f"{option} {month!r}: write a month as 2025-01", USAGE)


def read_months(from_month: str, to_month: str) -> tuple[str, str]:
    """Return the first and the last month, `YYYY-MM`, that `--from` and `--to` mean.

    Without a last month it is the present one in Vietnam, by whose days targets are judged; without
    a first month it is January of the last month's year.

    Raises:
        Failure: a month is not valid.
    """
    last = to_month or f"{day_in_vietnam(datetime.now(UTC)):%Y-%m}"
    check_month("--to", last)
    first = from_month or f"{last[:4]}-01"
    check_month("--from", first)
    return first, last


def selection(
    units: list[str],
    indicators: list[str],
    from_month: str,
    to_month: str,
    by_month: bool,
    by: str = "",
) -> view_pb2.Selection:
    """Return the message that selects the numbers to read, all units by all indicators.

    Args:
        units: unit ids.
        indicators: codes of indicators; empty for all.
        from_month: first month, `YYYY-MM`; empty as in `read_months`.
        to_month: last month, `YYYY-MM`, included; empty as in `read_months`.
        by_month: whether to read one number per month instead of one for the whole range.
        by: classification by which values are broken down, e.g. `field`; empty for none.

    Raises:
        Failure: a month is not valid.
    """
    first, last = read_months(from_month, to_month)
    return view_pb2.Selection(
        unit_ids=units,
        indicator_codes=indicators,
        from_month=first,
        to_month=last,
        by_month=by_month,
        by=by,
    )


def read_names(session: Session) -> Names:
    """Return the names in the live catalogue in the session's language.

    Units and indicators are remembered for shell completion.

    Raises:
        CallFailed: the service refused the call or did not answer.
    """
    stub = session.stub(CatalogueServiceStub)
    answer = stub.GetCatalogue(catalogue_service_pb2.GetCatalogueRequest())
    names = Names.of(answer.catalogue, session.screen.lang)
    session.remember(UNITS, names.units)
    session.remember(INDICATORS, names.indicators)
    return names


def document(view: view_pb2.ViewInfo, cells: Any) -> dict[str, Any]:
    """Return a view and its numbers as the object that `--output json` prints.

    Its keys are `view`, as in `view_json`, and `cells`, as in `cell_json`; see docs/reading.md.
    """
    return {"view": view_json(view, datetime.now(UTC)), "cells": [cell_json(c) for c in cells]}


@app.command()
@with_session("viewer")
def watch(
    session: Session,
    from_month: From = "",
    to_month: To = "",
    units: Units = [],  # noqa: B006
    indicators: Indicators = [],  # noqa: B006
    measure: MeasureOption = "verified",
    by_month: ByMonth = False,
) -> None:
    """Show indicators and update them as they change, until Ctrl-C; JSON is one object per change.

    Example: kieng kpi watch --unit vnu --indicator KNW-01 --from 2025-01 --to 2025-12
    """
    read_measure(measure)
    request = kpi_service_pb2.WatchKpisRequest(
        selection=selection(units, indicators, from_month, to_month, by_month)
    )
    cells: dict[tuple[str, str, str], view_pb2.Cell] = {}
    screen = session.screen
    as_lines = screen.is_json or not screen.answers.is_terminal
    names = Names() if as_lines else read_names(session)
    stream = session.stub(KpiServiceStub).WatchKpis(request)
    if as_lines:
        for message in stream:
            if message.cells:
                screen.json_line(document(message.view, message.cells))
        return
    # Imported here, because the other commands of this group show nothing live.
    from rich.live import Live

    with Live(console=screen.answers, auto_refresh=False) as live:
        for message in stream:
            cells |= {(c.unit_id, c.indicator_code, c.from_month): c for c in message.cells}
            shown = grid(screen, names, list(cells.values()), measure, message.view)
            live.update(shown, refresh=True)
