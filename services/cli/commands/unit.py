"""`kieng unit ...`: publishes the tree of units, and finds units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group

from kieng.directory.v1 import directory_pb2
from kieng.directory.v1 import directory_service_pb2 as api
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from services.cli.client.stack import CONSORTIUM
from services.cli.commands import proposal
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text, message_json

FOUND_MAX = 50
"""Maximum number of units that are listed."""

app = typer.Typer(no_args_is_help=True, help="Publish the tree of units, and find units.")


@app.command()
@with_session("viewer")
def search(
    session: Session,
    query: Annotated[str, typer.Argument(help="Id, abbreviation or words of the name.")],
    below: Annotated[str, typer.Option(help="Only below this unit.")] = "",
) -> None:
    """Find units by id, abbreviation, name or alias; diacritics do not matter.

    Example: kieng unit search "khoa hoc tu nhien" --below vnu
    """
    # One more than is shown tells whether there are more.
    request = api.SearchUnitsRequest(query=query, below_unit_id=below, page_size=FOUND_MAX + 1)
    units = session.stub(DirectoryServiceStub).SearchUnits(request).units
    found, more = units[:FOUND_MAX], len(units) > FOUND_MAX
    screen = session.screen
    lang = screen.lang.value
    table = screen.table("unit", "name", "type", "aliases")
    for unit in found:
        name = enum_text(directory_pb2.UnitKind.Name(unit.kind), "UNIT_KIND_")
        kind = screen.text(f"unit_kind.{name}")
        table.add_row(unit.unit_id, getattr(unit.name, lang), kind, " | ".join(unit.aliases))
    advice = [] if found else [screen.text("search.no_unit", query=query)]
    advice += [screen.text("search.more", rows=len(found))] if more else []
    document = {"units": [message_json(unit) for unit in found], "more": more}
    screen.answer(document, lambda: Group(table, *advice))


@app.command()
@with_session("steward", institution=CONSORTIUM)
def publish(
    session: Session,
    path: Annotated[Path, typer.Argument(help="Units, YAML as deploy/directory/units.yaml.")],
) -> None:
    """Publish a tree of units; the same tree again changes nothing. Needs the role steward.

    What changes only units of the own institution holds at once; the rest is a proposal.

    Example: kieng unit publish deploy/directory/units.yaml --institution vnu
    """
    # Imported here, because the other commands of this group read no file of units.
    from services.cli.local.seed import read_units

    units = read_units(path)
    request = api.PublishDirectoryRequest(units=units)
    answer = session.stub(DirectoryServiceStub).PublishDirectory(request)
    screen = session.screen
    if proposal.is_told(screen, answer):
        return
    screen.answer(
        {"version": answer.version, "units": len(units)},
        lambda: screen.text("up.directory", version=answer.version, units=len(units)),
    )
