"""`kieng import`: imports submissions from a table of another system."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.progress import Progress

from kieng.submissions.v1 import import_service_pb2
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from services.cli.client.clients import Clients
from services.cli.client.resuming import Patience, answers
from services.cli.errors import NO, USAGE, Failure, trouble_of_status
from services.cli.files import submission_file, submission_rows
from services.cli.files.bibliographies import Completion, read_mapping
from services.cli.files.submission_file import Reading
from services.cli.session import Session, with_session
from services.cli.terminal.escaping import visible
from services.cli.terminal.render import enum_text
from services.cli.terminal.screen import Screen

ROWS_PER_CALL = 20_000
"""Rows per call, which take only a fraction of the ten minutes that a call may last."""
SHOWN_MAX = 50
SYSTEM = "file"
MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
HiddenRows = StrEnum("HiddenRows", ["include", "skip"])
"""Whether rows are imported that are hidden in the spreadsheet, e.g. by a filter."""
OUTCOMES = ("created", "amended", "renewed", "withdrawn", "unchanged", "refused")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not imported: its number and record, the wrong column, and what to do."""

    row: int
    record_id: str
    column: str
    problem: str
    remedy: str


@dataclass
class Report:
    """The outcome of the rows of one file: ``counts`` maps outcomes to numbers of rows."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)

    def refuse(self, row: RefusedRow) -> None:
        """Add a refused row; several problems of the same row count once."""
        self.refused.append(row)
        self.counts["refused"] = len({refused.row for refused in self.refused})

    def document(self) -> dict[str, Any]:
        """Return the report in the form of `--output json`."""
        counts = {outcome: self.counts[outcome] for outcome in OUTCOMES}
        return {**counts, "rows": [asdict(row) for row in self.refused]}


@with_session("contributor", "registry", "system", institution="", subject=True)
def import_file(
    session: Session,
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv, .xlsx, .ris, .bib or .json file.")
    ],
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
    sheet: Annotated[
        str, typer.Option(help="Sheet of an .xlsx file (default: the only one with a table).")
    ] = "",
    hidden_rows: Annotated[
        HiddenRows, typer.Option(help="What becomes of rows that a filter hides.")
    ] = HiddenRows.include,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Where an export is from: scopus, wos, ris, bibtex, crossref, datacite; "
            "or table (default: told by the file).",
        ),
    ] = "",
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="Fields of another source, as TOML.")
    ] = None,
    unit: Annotated[str, typer.Option(help="Unit that claims the rows of an export.")] = "",
    month_day: Annotated[
        str,
        typer.Option(help="MM-DD that completes dates of an export which are only a year."),
    ] = "",
    report_to: Annotated[
        Path | None, typer.Option("--report", help="Write the refused rows to this CSV file.")
    ] = None,
) -> None:
    """Import submissions from a table; the same file again changes nothing.

    When the service goes away, it waits a minute for it and goes on with the row it was at.

    Example: kieng import publication.csv --institution vnu --system cris
    kieng import scopus.csv --institution vnu --unit vnu/hus --month-day 12-31 --dry-run
    """
    screen = session.screen
    if month_day and not MONTH_DAY.fullmatch(month_day):
        raise Failure(f"--month-day {month_day}: write a month and a day, e.g. 12-31", USAGE)
    reading = Reading(
        type_name=type_name,
        system=system,
        sheet=sheet,
        skip_hidden=hidden_rows is HiddenRows.skip,
        source=source,
        mapping=read_mapping(mapping) if mapping else None,
        completion=Completion(unit, month_day),
    )
    parsed = submission_file.read(path, reading)
    for notice in parsed.notices:
        screen.say(notice.key, **notice.values)
    report = Report()
    local_mistakes(screen, parsed.wrong, report)
    if dry_run:
        report.counts["readable"] = len(parsed.requests)
        screen.say("import.dry", rows=len(parsed.requests))
    else:
        with screen.progress() as progress:
            advance = bar(progress, path.name, parsed)
            send(session.clients, parsed.requests, report, advance, patience_of(screen))
    report.refused.sort(key=lambda refused: refused.row)
    if report_to is not None:
        write_report(report_to, report)
    screen.answer(report.document(), lambda: show(screen, report))
    if report.refused:
        raise typer.Exit(NO)


def local_mistakes(screen: Screen, wrong: Iterable[submission_rows.Wrong], report: Report) -> None:
    """Add the cells that could not be read, whose rows are not sent, to a report."""
    for mistake in wrong:
        problem = screen.text(f"{mistake.problem}.problem", **mistake.values)
        remedy = screen.text(f"{mistake.problem}.remedy", **mistake.values)
        report.refuse(RefusedRow(mistake.row, "", mistake.column, problem, remedy))


def bar(progress: Progress, name: str, parsed: submission_rows.Parsed) -> Callable[[], None]:
    """Add a progress bar for the rows of a file; return a function to call after each row."""
    task = progress.add_task(name, total=len(parsed.requests))
    return lambda: progress.advance(task)


def patience_of(screen: Screen) -> Patience:
    """Return a `Patience` that prints on the screen what the command waits for."""
    return Patience(lambda failure: screen.say("import.waits", problem=failure.message))


def send(
    clients: Clients,
    requests: Iterable[import_service_pb2.ImportSubmissionsRequest],
    report: Report,
    advance: Callable[[], None],
    patience: Patience,
) -> None:
    """Send rows to the submissions service and add their outcomes to a report.

    Rows written just before an interruption of the service are sent again, and then counted as
    unchanged.

    Args:
        clients: clients of the services.
        requests: rows in the order of the file.
        report: report to which the outcome of each row is added.
        advance: called after each row.
        patience: decides how long to wait for the service.

    Raises:
        CallFailed: the service did not come back in time; the user imports the file again.
    """
    stub = clients.stub(ImportServiceStub)
    for part in _parts(iter(requests), ROWS_PER_CALL):
        records = {request.row: request.source_record.record_id for request in part}
        for answer in answers(stub.ImportSubmissions, part, patience):
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
        # A message that repeats the problems of fields is omitted; any other one is a remedy.
        remedy = "" if problem in trouble.message else trouble.message
        yield RefusedRow(answer.row, record_id, _column(name), f"{problem} [{reason}]", remedy)


def _column(path: str) -> str:
    """Return the column for the path of a field: `doi` for `content.facts.publication.doi`."""
    parts = path.split(".")
    if parts[:1] == ["content"]:
        parts = parts[1:]
    return parts[2] if parts[:1] == ["facts"] and len(parts) > 2 else ".".join(parts)


def show(screen: Screen, report: Report) -> RenderableType:
    """Return a report as tables: at most `SHOWN_MAX` refused rows, and the counts."""
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
    """Write the refused rows to a CSV file, with the byte order mark that spreadsheets need."""
    names = list(RefusedRow.__dataclass_fields__)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(
            {name: visible(str(value)) for name, value in asdict(row).items()}
            for row in report.refused
        )
