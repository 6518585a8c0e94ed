"""`kieng template`: writes a spreadsheet to be filled in and imported."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from kieng.directory.v1 import directory_service_pb2 as api
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from services.calendar import is_over
from services.cli.errors import USAGE, Failure
from services.cli.files.destination import need_place
from services.cli.session import Session, with_session
from services.importing import headings, template_book


@with_session("viewer", institution="")
def template(
    session: Session,
    type_name: Annotated[
        str, typer.Argument(metavar="TYPE", help="Submission type, e.g. publication.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", help="File to write (default: TYPE.xlsx).")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write an empty .xlsx file with the headings of a type, help, and drop-downs.

    With --institution, the drop-down of units has those of the institution, read from the stack.

    Example: kieng template publication --institution vnu --lang vi
    """
    try:
        headings.descriptor_of(type_name)
    except headings.HeaderWrong as error:
        raise Failure(str(error), USAGE) from error
    path = to or Path(f"{type_name}.xlsx")
    if path.suffix.lower() != ".xlsx":
        raise Failure(f"{path}: a template is an .xlsx file", USAGE)
    need_place(path, replace=force)
    screen = session.screen
    units = _units(session) if session.institution else []
    template_book.write(path, type_name, screen.lang, units)
    document = {"path": str(path), "type": type_name, "units": len(units)}
    told = {"path": path, "type": type_name}
    screen.answer(document, lambda: screen.text("template.done", options=session.options, **told))


def _units(session: Session) -> list[str]:
    """Return the ids of the institution's units that have not ended, in the order of the tree."""
    stub = session.stub(DirectoryServiceStub)
    directory = stub.GetDirectory(api.GetDirectoryRequest()).directory
    now = datetime.now(UTC)
    return [
        unit.unit_id
        for unit in directory.units
        if unit.unit_id.partition("/")[0] == session.institution and not is_over(unit.valid_to, now)
    ]
