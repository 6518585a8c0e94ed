"""`kieng kpi diff`: what has entered, left or changed since a day, an edition or a position."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType

from kieng.kpi.v1 import edition_service_pb2 as api
from kieng.kpi.v1.edition_service_pb2_grpc import EditionServiceStub
from services.cli.client.stack import CONSORTIUM
from services.cli.commands.edition import follow, restated_json, restatement_json
from services.cli.commands.kpi import (
    EveryWork,
    From,
    MeasureOption,
    OneUnit,
    To,
    read_measure,
    read_months,
    read_names,
)
from services.cli.commands.kpi_history import VECTOR, check_day, read_vector
from services.cli.commands.kpi_targets import Exact
from services.cli.errors import NO, USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.difference_tables import difference, kind_of
from services.cli.terminal.render import view_json

DAY = r"\d{4}-\d{2}-\d{2}"
Since = Annotated[
    str,
    typer.Option(
        "--since", help="A day (2025-06-30, its end), an edition (2025-h1), or a position (0:1234)."
    ),
]


@with_session("viewer")
def diff(
    session: Session,
    since: Since,
    from_month: From = "",
    to_month: To = "",
    unit: OneUnit = CONSORTIUM,
    indicator: Annotated[
        str, typer.Option("--indicator", help="Indicator, e.g. KNW-03 (default: all).")
    ] = "",
    measure: MeasureOption = "verified",
    every: EveryWork = False,
    exact: Exact = False,
) -> None:
    """List the works that entered, left or changed a unit's numbers since then, and the sums.

    Example: kieng kpi diff --since 2025-06-30 --unit vnu --from 2025-01 --to 2025-07
    """
    screen = session.screen
    steps = follow(
        session, _asked(session, since, (from_month, to_month), unit, indicator, measure)
    )
    lines = [line for step in steps for line in step.restatements]
    cells = [cell for step in steps for cell in step.cells]
    last = steps[-1]
    document = {
        "view": view_json(last.view, datetime.now(UTC)),
        "since": since,
        "works": [{"kind": kind_of(line), **restatement_json(line)} for line in lines],
        "cells": [restated_json(cell) for cell in cells],
        "adds_up": last.adds_up,
    }

    def shown() -> RenderableType:
        tables = difference(screen, read_names(session), lines, cells, last, every, exact)
        return Group(*tables)

    screen.answer(document, shown)
    if not last.adds_up:
        raise typer.Exit(NO)


def _asked(
    session: Session,
    since: str,
    months: tuple[str, str],
    unit: str,
    indicator: str,
    measure: str,
) -> Any:
    """Return the stream of messages that compares the present with ``since``.

    Raises:
        Failure: an option is not valid.
    """
    stub = session.stub(EditionServiceStub)
    chosen = read_measure(measure)
    is_day, is_position = (re.fullmatch(form, since) for form in (DAY, VECTOR))
    if not (is_day or is_position):
        if any(months):
            raise Failure("--from, --to: an edition has its own months; leave them out", USAGE)
        return stub.ListRestatements(
            api.ListRestatementsRequest(
                edition_id=since, measure=chosen, unit_id=unit, indicator_code=indicator
            )
        )
    first, last = read_months(*months)
    request = api.ListChangesRequest(
        unit_id=unit,
        from_month=first,
        to_month=last,
        measure=chosen,
        indicator_code=indicator,
        unit_only=True,
    )
    if is_day:
        check_day("--since", since)
        request.as_of = since
    else:
        request.at.extend(read_vector(since))
    return stub.ListChanges(request)
