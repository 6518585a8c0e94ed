"""The report of an import or of its preview: the outcome of each row, also as files."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kieng.submissions.v1 import import_service_pb2 as api
from services.importing import refused_rows
from services.importing.cells import cell_text
from services.importing.headings import REFUSED_BECAUSE, heading_of
from services.importing.refused_cells import refused_cells
from services.importing.texts import text
from services.portal.calls import of_status
from services.portal.pages.tables import Value
from services.portal.texts import text as own_text
from services.portal.uploads import Found, Upload, packed
from services.texts import Lang

SHOWN_MAX = 100
"""Most refused cells on a page; the report as a file has all of them."""
OUTCOMES = ("created", "amended", "renewed", "withdrawn", "unchanged", "refused")


@dataclass(frozen=True, slots=True)
class RefusedCell:
    """A cell because of which a row is refused; if ``column`` is empty, the whole row is.

    ``heading`` is the heading of the column in the file, and ``content`` the text of the cell.
    """

    row: int
    record_id: str
    column: str
    heading: str
    content: str
    problem: str
    remedy: str

    @property
    def reason(self) -> str:
        """Heading, problem and remedy in one line: `HEADING: PROBLEM. REMEDY`.

        The heading and the remedy are left out if empty.
        """
        said = f"{self.problem}. {self.remedy}" if self.remedy else self.problem
        return f"{self.heading}: {said}" if self.heading else said


@dataclass(frozen=True, slots=True)
class Line:
    """The outcome of one row that is not refused.

    ``outcome`` is one of `OUTCOMES`, e.g. `created`; ``version`` is the version of its submission
    afterwards.
    """

    row: int
    record_id: str
    outcome: str
    submission_id: str
    version: int


@dataclass
class Report:
    """The outcome of all rows of a file, collected row by row.

    Args:
        found: what was read from the file.
        lang: language of the problems and remedies.
        refused: the cells because of which rows are refused.
        lines: the outcome of each other row.
    """

    found: Found
    lang: Lang
    refused: list[RefusedCell] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    versions: dict[int, int] = field(default_factory=dict)
    """Row -> version of its submission before the import, for rows that would not be refused."""

    def __post_init__(self) -> None:
        """Add the cells that could not be read."""
        assert self.found.parsed is not None
        self._cells = dict(self.found.parsed.table.rows)
        names = self.found.names
        self._at = {name: at for at, name in enumerate(names) if name}
        self._headings = {name: self.found.table.header[at] for name, at in self._at.items()}
        self._records = {each.row: each.source_record.record_id for each in self.found.requests}
        for wrong in self.found.parsed.wrong:
            told = [
                text(self.lang.value, f"{wrong.problem}.{part}", wrong.values)
                for part in ("problem", "remedy")
            ]
            self.refuse(wrong.row, wrong.column, *told)

    def take(self, answer: api.ImportSubmissionsResponse) -> None:
        """Add the service's answer for a row to this report.

        That is an outcome, which becomes a line, or an error, which becomes one refused cell for
        each wrong field, or one for the whole row. Of a row with unreadable cells, only what is
        wrong with its other cells is added.
        """
        if answer.HasField("error"):
            refused = of_status("", answer.error)
            tag = f"[{refused.reason}]" if refused.reason else ""
            told = (refused.message, list(refused.fields.items()), tag, self.lang.value)
            cells = list(refused_cells(*told))
            assert self.found.parsed is not None
            further = self.found.parsed.further(answer.row, (cell.column for cell in cells))
            for cell in cells:
                if cell.column in further:
                    self.refuse(answer.row, cell.column, cell.problem, cell.remedy)
            return
        if not self.is_whole(answer.row):
            return
        outcome = api.Outcome.Name(answer.outcome).removeprefix("OUTCOME_").lower()
        record_id = self._records.get(answer.row, "")
        line = Line(answer.row, record_id, outcome, answer.submission_id, answer.version)
        self.lines.append(line)

    def is_whole(self, row: int) -> bool:
        """Return True if all cells of a row could be read, so that it may be imported."""
        return row in self._records

    def refuse(self, row: int, column: str, problem: str, remedy: str) -> None:
        """Add a cell because of which a row is refused.

        Args:
            row: number of the row in the file.
            column: column of the cell; empty for the whole row.
            problem: what is wrong.
            remedy: what to do about it; empty if that is obvious.
        """
        heading = heading_of(column, self._headings, self.lang.value)
        record_id = self._records.get(row) or self._content(row, "record_id")
        content = self._content(row, column)
        cell = RefusedCell(row, record_id, column, heading, content, problem, remedy)
        self.refused.append(cell)

    def _content(self, row: int, column: str) -> str:
        at, cells = self._at.get(column), self._cells.get(row, [])
        return cell_text(cells[at]) if at is not None and at < len(cells) else ""

    @property
    def counts(self) -> dict[str, int]:
        """Outcome -> number of rows, for all of `OUTCOMES`; 0 for an outcome that no row has.

        A row with several refused cells counts once.
        """
        found = Counter(line.outcome for line in self.lines)
        found["refused"] = len({cell.row for cell in self.refused})
        return {outcome: found[outcome] for outcome in OUTCOMES}

    @property
    def refused_in_order(self) -> Sequence[RefusedCell]:
        """The refused cells in the order of their rows; those of one row as they were added."""
        return sorted(self.refused, key=lambda cell: cell.row)

    def file_lines(self) -> Iterator[list[Value]]:
        """Yield headings and rows of the report as a file, in the order of the imported rows.

        A refused row has a line for each refused cell, any other row has one line.
        """
        keys = ("row", "record", "outcome", "submission", "version", "column", "problem", "remedy")
        yield [own_text(self.lang, f"import.{key}") for key in keys]
        words = {outcome: own_text(self.lang, f"outcome.{outcome}") for outcome in OUTCOMES}
        lines: list[list[Value]] = [
            [e.row, e.record_id, words[e.outcome], e.submission_id, e.version, "", "", ""]
            for e in self.lines
        ]
        lines += [
            [c.row, c.record_id, words["refused"], "", "", c.heading, c.problem, c.remedy]
            for c in self.refused
        ]
        yield from sorted(lines, key=lambda line: int(line[0] or 0))

    def files(self, upload: Upload, effects: Sequence[Sequence[Value]] = ()) -> dict[str, str]:
        """Return name of a hidden field -> what can be downloaded later, packed. Blocks.

        `report` and `effects` are the headings and rows of tables, as JSON; `refused`, only if a
        row is refused, has the refused rows as XLSX if the imported file is one, else as CSV.

        Args:
            upload: the imported file.
            effects: headings and rows of the numbers that would change; empty for none.
        """
        found = {"report": packed(_json(list(self.file_lines())))}
        if effects:
            found["effects"] = packed(_json(effects))
        if self.refused:
            suffix = ".xlsx" if upload.name.lower().endswith(".xlsx") else ".csv"
            found["refused"] = packed(self.refused_file(suffix))
        return found

    def refused_file(self, suffix: str) -> bytes:
        """Return a file with the refused rows, to be corrected and imported again. Blocks.

        Args:
            suffix: `.csv` or `.xlsx`.
        """
        assert self.found.parsed is not None
        reasons = refused_rows.by_row((each.row, each.reason) for each in self.refused_in_order)
        heading = REFUSED_BECAUSE[self.lang is Lang.vi]
        with tempfile.TemporaryDirectory(prefix="kieng-import-") as folder:
            path = Path(folder) / f"refused{suffix}"
            refused_rows.write(path, self.found.parsed, reasons, heading)
            return path.read_bytes()


def _json(lines: Sequence[Sequence[Value]]) -> bytes:
    return json.dumps(lines, ensure_ascii=False).encode()


def with_long(html: str, fields: Mapping[str, str]) -> str:
    """Return a page with long values inserted into its hidden fields.

    The template marks the place of each value by `"@@NAME@@"`; a value without such a mark is
    ignored. The values must not contain markup. They are so long that rendering them would block
    the event loop.

    Args:
        html: the rendered page.
        fields: name of a field -> its value.
    """
    for name, value in fields.items():
        html = html.replace(f'"@@{name}@@"', f'"{value}"', 1)
    return html
