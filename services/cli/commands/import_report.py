"""The report of an import: the outcome of each row, and why some were refused."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType

from kieng.submissions.v1 import import_service_pb2, submission_pb2
from services.cli.client.troubles import trouble_of_status
from services.cli.commands.import_notes import Notes
from services.cli.terminal.escaping import not_computed, visible
from services.cli.terminal.render import enum_text, number_text
from services.cli.terminal.screen import Screen
from services.importing import submission_rows
from services.importing.headings import heading_of
from services.importing.refused_cells import refused_cells
from services.texts import Lang

SHOWN_MAX = 50
OUTCOMES = (
    "created",
    "amended",
    "renewed",
    "withdrawn",
    "unchanged",
    "still_returned",
    "still_rejected",
    "refused",
)
USUAL = frozenset(OUTCOMES) - {"still_returned", "still_rejected"}
"""Outcomes whose number is always shown, even if it is 0."""
STILL = {
    submission_pb2.STATE_RETURNED: "still_returned",
    submission_pb2.STATE_REJECTED: "still_rejected",
}
"""State of an unchanged submission -> its own outcome, as its author has to do something."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One reason why a row was not imported: row, record, wrong column, problem and remedy.

    ``column`` is empty if the whole row is wrong, ``remedy`` if none is known.
    """

    row: int
    record_id: str
    column: str
    problem: str
    remedy: str


@dataclass
class Report:
    """The outcome of the rows of one file.

    ``counts`` maps each outcome to its number of rows. ``refused`` are the reasons of all refusals,
    and ``refused_rows`` the numbers of the refused rows.
    """

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedRow] = field(default_factory=list)
    refused_rows: set[int] = field(default_factory=set)
    notes: Notes = field(default_factory=Notes)
    headings: Mapping[str, str] = field(default_factory=dict)
    """Column -> its heading in the file."""
    options: str = ""
    """Options that the user's next command needs, with a blank in front; maybe empty."""
    lang: Lang = Lang.en
    """Language in which the refusals of the service are reported."""

    def refuse(self, row: RefusedRow) -> None:
        """Add a reason why a row is refused; a row with several reasons counts once."""
        self.refused.append(row)
        self.refused_rows.add(row.row)
        self.counts["refused"] = len(self.refused_rows)

    def take(
        self,
        answer: import_service_pb2.ImportSubmissionsResponse,
        record_id: str,
        unit_id: str = "",
    ) -> str:
        """Add the service's answer to a row to the report, and return the outcome of the row.

        This is e.g. `created`, `unchanged` or `refused`, also if the row is counted as
        `still_returned` or `still_rejected`.

        Args:
            answer: answer to the row.
            record_id: id of the record in the row.
            unit_id: id of the claiming unit; empty to look for no repeated claims.
        """
        if answer.HasField("error"):
            for refused in refusals(answer, record_id, self.lang):
                self.refuse(refused)
            return "refused"
        outcome = enum_text(import_service_pb2.Outcome.Name(answer.outcome), "OUTCOME_")
        is_unchanged = answer.outcome == import_service_pb2.OUTCOME_UNCHANGED
        still = STILL.get(answer.state, "") if is_unchanged else ""
        self.counts[still or outcome] += 1
        self.notes.add(answer, record_id, still)
        if unit_id:
            self.notes.add_work(answer, record_id, unit_id)
        return outcome

    def heading(self, column: str) -> str:
        """Return the heading of a column in the file; see `headings.heading_of`."""
        return heading_of(column, self.headings, self.lang.value)

    def reason(self, row: RefusedRow) -> str:
        """Return why a row is refused on one line: `heading: problem. remedy`.

        Heading and remedy are left out if they are empty.
        """
        where = f"{self.heading(row.column)}: " if row.column else ""
        remedy = f". {row.remedy}" if row.remedy else ""
        return f"{where}{row.problem}{remedy}"

    def document(self) -> dict[str, Any]:
        """Return the report as the JSON object that `--output json` prints.

        It has the number of rows of each of the `OUTCOMES`, the refusals as `rows`, and the notes;
        see `Notes.document`.
        """
        counts = {outcome: self.counts[outcome] for outcome in OUTCOMES}
        rows = [asdict(row) for row in self.refused]
        return {**counts, "rows": rows, **self.notes.document()}


def local_mistakes(screen: Screen, parsed: submission_rows.Parsed, report: Report) -> None:
    """Add the cells that could not be read to a report, as refusals of their rows.

    The headings of the file are stored in the report, too. The rows concerned are not among the
    requests of ``parsed``, so the service never gets them.

    Args:
        screen: language of problems and remedies.
        parsed: the file as it was read.
        report: report to add to.
    """
    pairs = zip(parsed.names, parsed.table.header, strict=False)
    report.headings = {name: heading.strip() for name, heading in pairs if name}
    for mistake in parsed.wrong:
        problem = screen.text(f"{mistake.problem}.problem", **mistake.values)
        remedy = screen.text(f"{mistake.problem}.remedy", **mistake.values)
        record_id = parsed.refused.get(mistake.row, "")
        report.refuse(RefusedRow(mistake.row, record_id, mistake.column, problem, remedy))


def refusals(
    answer: import_service_pb2.ImportSubmissionsResponse, record_id: str, lang: Lang
) -> Iterator[RefusedRow]:
    """Yield one refusal per wrong column of a row that the service refused.

    Args:
        answer: answer of the service to the row, with an error.
        record_id: id of the record in the row.
        lang: language of problems and remedies.
    """
    trouble = trouble_of_status(answer.error)
    for cell in refused_cells(trouble.message, trouble.fields, trouble.tag, lang):
        yield RefusedRow(answer.row, record_id, cell.column, cell.problem, cell.remedy)


def show(screen: Screen, report: Report) -> RenderableType:
    """Return the report as tables: notes, at most `SHOWN_MAX` refusals, and counts of outcomes.

    Without notes or refusals these tables are left out.
    """
    names = [name for name in OUTCOMES if name in USUAL or report.counts[name]]
    counts = screen.table(*(f">{name}" for name in names))
    counts.add_row(*(number_text(report.counts[name], screen.lang) for name in names))
    if not report.refused:
        return Group(*report.notes.tables(screen, report.options), counts)
    refused = screen.table(">row", "record", "column", "problem", "remedy")
    for row in report.refused[:SHOWN_MAX]:
        place = report.heading(row.column)
        refused.add_row(str(row.row), row.record_id, place, row.problem, row.remedy)
    if (more := len(report.refused) - SHOWN_MAX) > 0:
        refused.caption = screen.text("import.more", more=more)
    return Group(*report.notes.tables(screen, report.options), refused, counts)


def write_report(path: Path, report: Report) -> None:
    """Write the reasons of all refusals to a CSV file, one per line, replacing the file.

    It has the byte order mark by which spreadsheets recognise UTF-8.
    """
    names = list(RefusedRow.__dataclass_fields__)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(
            {name: not_computed(visible(str(value))) for name, value in asdict(row).items()}
            for row in (replace(r, column=report.heading(r.column)) for r in report.refused)
        )
