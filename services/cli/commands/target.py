"""`kieng target ...`: yearly targets of indicators."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from kieng.kpi.v1 import target_service_pb2 as api
from kieng.kpi.v1.target_service_pb2_grpc import TargetServiceStub
from services.cli import options
from services.cli.terminal.render import message_json, number_text
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Set and list yearly targets.")


@app.command("set")
def set_target(
    unit: Annotated[str, typer.Option(help="Unit, e.g. vnu.")],
    indicator: Annotated[str, typer.Option(help="Indicator, e.g. KNW-01.")],
    year: Annotated[int, typer.Option(help="Calendar year.")],
    value: Annotated[int, typer.Option(help="Value to reach in that year.")],
    institution: options.Institution = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Set the target of an indicator at a unit for a year.

    Example: kieng target set --unit vnu --indicator KNW-01 --year 2025 --value 120
    """
    target = api.Target(unit_id=unit, indicator_code=indicator, year=year, value=value)
    who = institution or unit.partition("/")[0]
    with options.session(output, lang, data, "steward", institution=who) as session:
        stub = session.clients.stub(TargetServiceStub)
        found = stub.SetTarget(api.SetTargetRequest(target=target)).target
    screen = session.screen
    screen.answer(message_json(found), lambda: _targets(screen, [found]))


@app.command("list")
def list_targets(
    year: Annotated[int, typer.Option(help="Calendar year.")],
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """List the targets of a year.

    Example: kieng target list --year 2025
    """
    with options.session(output, lang, data, "viewer") as session:
        stub = session.clients.stub(TargetServiceStub)
        found = stub.ListTargets(api.ListTargetsRequest(year=year)).targets
    document = {"targets": [message_json(target) for target in found]}
    session.screen.answer(document, lambda: _targets(session.screen, found))


def _targets(screen: Screen, found: Iterable[api.Target]) -> Table:
    table = screen.table("unit", "indicator", "year", ">target")
    for target in found:
        value = number_text(target.value, screen.lang)
        table.add_row(target.unit_id, target.indicator_code, str(target.year), value)
    return table
