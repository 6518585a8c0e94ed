"""`kieng unit ...`: publish the tree of units, and find the ids of units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kieng.directory.v1 import directory_pb2
from kieng.directory.v1 import directory_service_pb2 as api
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from services.cli import options
from services.cli.local.seed import read_units
from services.cli.terminal.render import enum_text, message_json

app = typer.Typer(no_args_is_help=True, help="Publish the tree of units, and find units.")


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Id, abbreviation or words of the name.")],
    below: Annotated[str, typer.Option(help="Only below this unit.")] = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Find units by id, abbreviation, name or alias; diacritics do not matter.

    Example: kieng unit search "khoa hoc tu nhien" --below vnu
    """
    with options.session(output, lang, data, "viewer") as session:
        request = api.SearchUnitsRequest(query=query, below_unit_id=below)
        found = session.clients.stub(DirectoryServiceStub).SearchUnits(request).units
    screen = session.screen
    table = screen.table("unit", "name", "type", "aliases")
    for unit in found:
        kind = enum_text(directory_pb2.UnitKind.Name(unit.kind), "UNIT_KIND_")
        table.add_row(unit.unit_id, getattr(unit.name, lang.value), kind, " | ".join(unit.aliases))
    screen.answer({"units": [message_json(unit) for unit in found]}, lambda: table)


@app.command()
def publish(
    path: Annotated[Path, typer.Argument(help="Units, YAML as deploy/directory/units.yaml.")],
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Publish a tree of units; the same tree again changes nothing. Needs the role steward.

    Example: kieng unit publish deploy/directory/units.yaml
    """
    units = read_units(path)
    with options.session(output, lang, data, "steward") as session:
        request = api.PublishDirectoryRequest(units=units)
        answer = session.clients.stub(DirectoryServiceStub).PublishDirectory(request)
    screen = session.screen
    screen.answer(
        {"version": answer.version, "units": len(units)},
        lambda: screen.text("up.directory", version=answer.version, units=len(units)),
    )
