"""What became of the rows of an imported file, and why some were refused."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from kieng.submissions.v1 import import_service_pb2
from services.cli.commands.import_notes import Notes
from services.cli.errors import trouble_of_status
from services.cli.files import submission_rows
from services.cli.terminal.escaping import visible
from services.cli.terminal.render import enum_text
from services.cli.terminal.screen import Screen

SHOWN_MAX = 50
OUTCOMES = ("created", "amended", "renewed", "withdrawn", "unchanged", "refused")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not imported: where, what is wrong, and what to do."""

    row: int
    record_id: str
    column: str
    problem: str
    remedy: str

    @property
    def reason(self) -> str:
        """The whole reason in one line."""
        where = f"{self.column}: " if self.column else ""
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{where}{self.problem}{remedy}"


@dataclass
class Report:
    """The outcome of the rows of one file."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)
    refused_rows: set[int] = field(default_factory=set)
    notes: Notes = field(default_factory=Notes)

    def refuse(self, row: RefusedRow) -> None:
        """Count a row as refused and keep it for the report that `--report` writes."""
        self.refused.append(row)
        self.refused_rows.add(row.row)
        self.counts["refused"] = len(self.refused_rows)

    def take(self, answer: import_service_pb2.ImportSubmissionsResponse, record_id: str) -> str:
        """Count the answer to a row; return the outcome."""
        if answer.HasField("error"):
            for refused in refusals(answer, record_id):
                self.refuse(refused)
            return "refused"
        outcome = enum_text(import_service_pb2.Outcome.Name(answer.outcome), "OUTCOME_")
        self.counts[outcome] += 1
        self.notes.add(answer, record_id)
        return outcome

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        counts = {outcome: self.counts[outcome] for outcome in OUTCOMES}
        rows = [asdict(row) for row in self.refused]
        return {**counts, "rows": rows, **self.notes.document()}


def local_mistakes(screen: Screen, wrong: Iterable[submission_rows.Wrong], report: Report) -> None:
    """Report the cells that could not be read; their rows are not sent."""
    for mistake in wrong:
        problem = screen.text(f"{mistake.problem}.problem", **mistake.values)
        remedy = screen.text(f"{mistake.problem}.remedy", **mistake.values)
        report.refuse(RefusedRow(mistake.row, "", mistake.column, problem, remedy))


def refusals(
    answer: import_service_pb2.ImportSubmissionsResponse, record_id: str
) -> Iterator[RefusedRow]:
    """Yield what a service's answer says against a row, by column."""
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
        return Group(*report.notes.tables(screen), counts)
    refused = screen.table(">row", "record", "column", "problem", "remedy")
    for row in report.refused[:SHOWN_MAX]:
        refused.add_row(str(row.row), row.record_id, row.column, row.problem, row.remedy)
    if (more := len(report.refused) - SHOWN_MAX) > 0:
        refused.caption = screen.text("import.more", more=more)
    return Group(*report.notes.tables(screen), refused, counts)


def write_report(path: Path, report: Report) -> None:
    """Write the refused rows as CSV, with the mark by which spreadsheets recognise UTF-8."""
    names = list(RefusedRow.__dataclass_fields__)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(
            {name: visible(str(value)) for name, value in asdict(row).items()}
            for row in report.refused
        )
