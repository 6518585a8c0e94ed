"""`kieng target ...`: sets and lists yearly targets of indicators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from kieng.kpi.v1 import target_service_pb2 as api
from kieng.kpi.v1.target_service_pb2_grpc import TargetServiceStub
from services.cli.session import Session, with_session
from services.cli.terminal.render import message_json, number_text
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Set and list yearly targets.")


@app.command("set")
@with_session("steward", institution="")
def set_target(
    session: Session,
    unit: Annotated[str, typer.Option(help="Unit, e.g. vnu.")],
    indicator: Annotated[str, typer.Option(help="Indicator, e.g. KNW-01.")],
    year: Annotated[int, typer.Option(min=2000, max=2100, help="Calendar year.")],
    value: Annotated[int, typer.Option(min=1, max=10**15, help="Value to reach in that year.")],
) -> None:
    """Set the target of an indicator at a unit for a year.

    Example: kieng target set --unit vnu --indicator KNW-01 --year 2025 --value 120
    """
    target = api.Target(unit_id=unit, indicator_code=indicator, year=year, value=value)
    stub = session.for_unit(unit).stub(TargetServiceStub)
    found = stub.SetTarget(api.SetTargetRequest(target=target)).target
    screen = session.screen
    screen.answer(message_json(found), lambda: _targets(screen, [found]))


@app.command("list")
@with_session("viewer")
def list_targets(
    session: Session,
    year: Annotated[int, typer.Option(min=2000, max=2100, help="Calendar year.")],
) -> None:
    """List the targets of a year.

    Example: kieng target list --year 2025
    """
    stub = session.stub(TargetServiceStub)
    found = stub.ListTargets(api.ListTargetsRequest(year=year)).targets
    document = {"targets": [message_json(target) for target in found]}
    session.screen.answer(document, lambda: _targets(session.screen, found))


def _targets(screen: Screen, found: Iterable[api.Target]) -> Table:
    table = screen.table("unit", "indicator", "year", ">target")
    for target in found:
        value = number_text(target.value, screen.lang)
        table.add_row(target.unit_id, target.indicator_code, str(target.year), value)
    return table
