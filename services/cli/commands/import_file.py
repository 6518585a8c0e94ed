"""`kieng import`: submissions from a table of another system."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.progress import Progress

from kieng.submissions.v1 import import_service_pb2
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from services.cli.client.clients import Clients
from services.cli.errors import NO, USAGE, Failure, trouble_of_status
from services.cli.files import spreadsheets, submission_rows
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text
from services.cli.terminal.screen import Screen

ROWS_PER_CALL = 20_000
"""A call may take ten minutes; so many rows take a fraction of that."""
SHOWN_MAX = 50
SYSTEM = "file"
OUTCOMES = ("created", "amended", "withdrawn", "unchanged", "refused")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not imported: where, what is wrong, and what to do."""

    row: int
    record_id: str
    column: str
    problem: str
    remedy: str


@dataclass
class Report:
    """The outcome of the rows of one file."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)

    def refuse(self, row: RefusedRow) -> None:
        """Add a refused row."""
        self.refused.append(row)
        self.counts["refused"] = len({refused.row for refused in self.refused})

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        counts = {outcome: self.counts[outcome] for outcome in OUTCOMES}
        return {**counts, "rows": [asdict(row) for row in self.refused]}


@with_session("contributor", institution="", subject=True)
def import_file(
    session: Session,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .xlsx file.")],
    type_name: Annotated[
        str,
        typer.Option(
            "--type", help="Submission type (default: the file's name, e.g. receipt.csv)."
        ),
    ] = "",
    system: Annotated[str, typer.Option(help="Source system of the records, e.g. cris.")] = SYSTEM,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the file, send nothing.")
    ] = False,
    report_to: Annotated[
        Path | None, typer.Option("--report", help="Write the refused rows to this CSV file.")
    ] = None,
) -> None:
    """Import submissions from a table; the same file again changes nothing.

    Example: kieng import publication.csv --institution vnu --system cris
    """
    screen = session.screen
    parsed = read(path, type_name, system)
    report = Report()
    local_mistakes(screen, parsed.wrong, report)
    if dry_run:
        report.counts["readable"] = len(parsed.requests)
        screen.say("import.dry", rows=len(parsed.requests))
    else:
        with screen.progress() as progress:
            send(session.clients, parsed.requests, report, bar(progress, path.name, parsed))
    report.refused.sort(key=lambda refused: refused.row)
    if report_to is not None:
        write_report(report_to, report)
    screen.answer(report.document(), lambda: show(screen, report))
    if report.refused:
        raise typer.Exit(NO)


def read(path: Path, type_name: str, system: str) -> submission_rows.Parsed:
    """Read a file of one type.

    Raises:
        Failure: the file, its type or its header cannot be read.
    """
    header, body = spreadsheets.read(path)
    type_name = type_name or path.stem
    try:
        submission_rows.descriptor_of(type_name)
    except submission_rows.HeaderWrong as error:
        raise Failure(f"{path}: {error}. Give it with --type", USAGE) from error
    try:
        return submission_rows.parse(type_name, header, body, system)
    except submission_rows.HeaderWrong as error:
        raise Failure(f"{path}: {error}") from error


def local_mistakes(screen: Screen, wrong: Iterable[submission_rows.Wrong], report: Report) -> None:
    """Report the cells that could not be read; their rows are not sent."""
    for mistake in wrong:
        problem = screen.text(f"{mistake.problem}.problem", **mistake.values)
        remedy = screen.text(f"{mistake.problem}.remedy", **mistake.values)
        report.refuse(RefusedRow(mistake.row, "", mistake.column, problem, remedy))


def bar(progress: Progress, name: str, parsed: submission_rows.Parsed) -> Callable[[], None]:
    """Add a bar for a file; call the result after each row."""
    task = progress.add_task(name, total=len(parsed.requests))
    return lambda: progress.advance(task)


def send(
    clients: Clients,
    requests: Iterable[import_service_pb2.ImportSubmissionsRequest],
    report: Report,
    advance: Callable[[], None],
) -> None:
    """Send rows and add their outcomes to a report.

    Args:
        clients: where to send rows.
        requests: rows, in the order of the file.
        report: gets the outcome of each row.
        advance: called after each row.

    Raises:
        CallFailed: the service stopped answering; send the whole file again.
    """
    stub = clients.stub(ImportServiceStub)
    for part in _parts(iter(requests), ROWS_PER_CALL):
        records = {request.row: request.source_record.record_id for request in part}
        for answer in stub.ImportSubmissions(iter(part)):
            if answer.HasField("error"):
                for refused in _refusals(answer, records.get(answer.row, "")):
                    report.refuse(refused)
            else:
                name = import_service_pb2.Outcome.Name(answer.outcome)
                report.counts[enum_text(name, "OUTCOME_")] += 1
            advance()


def _parts(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while part := list(islice(items, size)):
        yield part


def _refusals(
    answer: import_service_pb2.ImportSubmissionsResponse, record_id: str
) -> Iterator[RefusedRow]:
    trouble = trouble_of_status(answer.error)
    reason = trouble.reason or trouble.code.name
    for name, problem in trouble.fields or (("", trouble.message),):
        # The kernel's message repeats the fields; anything else it says is help.
        remedy = "" if problem in trouble.message else trouble.message
        yield RefusedRow(answer.row, record_id, _column(name), f"{problem} [{reason}]", remedy)


def _column(path: str) -> str:
    """Return the column that a field's path means: `content.facts.publication.doi` -> `doi`."""
    parts = path.split(".")
    if parts[:1] == ["content"]:
        parts = parts[1:]
    return parts[2] if parts[:1] == ["facts"] and len(parts) > 2 else ".".join(parts)


def show(screen: Screen, report: Report) -> RenderableType:
    """Return the report as tables."""
    counts = screen.table(*(f">{name}" for name in OUTCOMES))
    counts.add_row(*(str(report.counts[name]) for name in OUTCOMES))
    if not report.refused:
        return counts
    refused = screen.table(">row", "record", "column", "problem", "remedy")
    for row in report.refused[:SHOWN_MAX]:
        refused.add_row(str(row.row), row.record_id, row.column, row.problem, row.remedy)
    if (more := len(report.refused) - SHOWN_MAX) > 0:
        refused.caption = screen.text("import.more", more=more)
    return Group(refused, counts)


def write_report(path: Path, report: Report) -> None:
    """Write the refused rows as CSV, with the mark by which spreadsheets recognise UTF-8."""
    names = list(RefusedRow.__dataclass_fields__)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(asdict(row) for row in report.refused)
