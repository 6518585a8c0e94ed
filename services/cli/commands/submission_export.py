"""`kieng submission export`: submissions of one type as a table that can be imported again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from kieng.submissions.v1 import submission_pb2
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.errors import USAGE, Failure
from services.cli.files import submission_export
from services.cli.files.destination import need_place
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text
from services.importing import headings

PAGE = 500
Below = Annotated[str, typer.Option("--unit", help="Only of this unit and those below it.")]
States = Annotated[list[str], typer.Option(help="Only in this state. Repeatable.")]


def read_state(name: str) -> submission_pb2.State.ValueType:
    """Return the `State` of the contract that an option names, e.g. `verified`.

    Raises:
        Failure: there is no state of this name; the message lists the known ones.
    """
    try:
        return submission_pb2.State.Value(f"STATE_{name.upper()}")
    except ValueError:
        known = ", ".join(enum_text(key, "STATE_") for key in submission_pb2.State.keys()[1:])
        raise Failure(f"unknown state {name!r}; known are {known}", USAGE) from None


def every(stub: Any, request: api.ListSubmissionsRequest) -> Iterator[submission_pb2.Submission]:
    """Yield all submissions that match a request, page by page, in the order of their ids.

    Raises:
        CallFailed: the service refused the call or did not answer.
    """
    request.page_size = PAGE
    while True:
        page = stub.ListSubmissions(request)
        yield from page.submissions
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return


@with_session("auditor", institution="")
def export(
    session: Session,
    type_name: Annotated[
        str, typer.Argument(metavar="TYPE", help="Submission type, e.g. publication.")
    ],
    to: Annotated[
        Path | None, typer.Option("--to", help="A .csv or .xlsx file (default: TYPE.csv).")
    ] = None,
    unit: Below = "",
    state: States = [],  # noqa: B006
    system: Annotated[str, typer.Option(help="Only records of this source system.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write submissions with the columns that an import reads; imported again, nothing changes.

    Submissions that were typed in have no record id, so they are left out and counted.

    Example: kieng submission export publication --institution vnu --system cris --to p.xlsx
    """
    try:
        headings.descriptor_of(type_name)
    except headings.HeaderWrong as error:
        raise Failure(str(error), USAGE) from error
    path = to or Path(f"{type_name}.csv")
    if path.suffix.lower() not in submission_export.SUFFIXES:
        raise Failure(f"{path}: an export is a .csv or .xlsx file", USAGE)
    need_place(path, replace=force)
    request = api.ListSubmissionsRequest(
        unit_id=unit,
        type=type_name,
        states=map(read_state, state),
        source_system=system,
    )
    stub = session.for_unit(unit).stub(SubmissionServiceStub)
    left_out: list[str] = []
    # The file gets its name only when it is complete.
    part = path.with_name(f".part-{path.name}")
    try:
        found = _of_one_system(every(stub, request), left_out)
        rows = (submission_export.row(type_name, submission) for submission in found)
        number = submission_export.write(part, type_name, session.screen.lang, rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    screen = session.screen
    document = {"path": str(path), "type": type_name, "rows": number, "left_out": len(left_out)}
    told = {"path": path, "rows": number, "left_out": len(left_out)}
    screen.answer(document, lambda: screen.text("export.done", **told))


def _of_one_system(
    found: Iterator[submission_pb2.Submission], left_out: list[str]
) -> Iterator[submission_pb2.Submission]:
    """Yield the submissions with a source record; add the ids of the others to ``left_out``.

    All records must be of one system, because an import gives one system to all rows of a file.

    Raises:
        Failure: there are records of two systems.
    """
    system = ""
    for submission in found:
        source = submission.source_record
        if not source.record_id:
            left_out.append(submission.submission_id)
            continue
        if system and source.system != system:
            names = ", ".join(sorted((system, source.system)))
            raise Failure(f"there are records of {names}; choose one with --system", USAGE)
        system = source.system
        yield submission
