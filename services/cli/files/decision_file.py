"""Reads and writes files of decisions: one row per submission, with decision and reason."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.errors import Failure
from services.cli.terminal.escaping import not_computed, visible
from services.cli.terminal.texts import text
from services.importing import spreadsheets
from services.importing.xlsx_book import new_book
from services.texts import Lang

FINAL = ("verify", "return", "reject")
"""Decisions of which a version gets one; an approval for its unit may come before it."""
DECISIONS = ("approve", *FINAL)
VERSION_DIGITS_MAX = 18
"""Number of decimal digits that always fit into a 64-bit field."""
COLUMNS = (
    *("decision", "reason", "title", "type", "unit_id", "submitted_by", "waiting_days", "due"),
    *("effect", "work_key", "system", "record_id", "submission_id", "version"),
)
SUFFIXES = (".csv", ".xlsx")
WIDTHS = {"title": 50, "reason": 40, "effect": 30, "work_key": 30, "submission_id": 44}
WIDTH = 16


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its number, and the texts of its cells; absent cells are empty.

    ``decision`` is one of `DECISIONS`, or the text in lower case if it is none of them.
    """

    number: int
    decision: str
    reason: str
    submission_id: str
    version: str
    system: str
    record_id: str

    @property
    def name(self) -> str:
        """Name of the submission in messages: the id of its record, or else its submission id."""
        return self.record_id or self.submission_id

    @property
    def submission(self) -> tuple[str, str]:
        """What identifies the submission: id and version, or else system and id of the record."""
        if self.submission_id:
            return self.submission_id, self.version
        return self.system, self.record_id


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV or XLSX file, whose headings may be in any language of `Lang`.

    Raises:
        Failure: the file cannot be read, has no column for the decision or for the submission, or
            has a column twice.
    """
    table = spreadsheets.read(path)
    names = {heading: _column(heading) for heading in table.header}
    found = set(names.values())
    columns = [_column(heading) for heading in table.header]
    if twice := [name for name in COLUMNS if columns.count(name) > 1]:
        raise Failure(f"{path}: column {', '.join(twice)} stands twice")
    missing = {"decision"} - found
    if not found & {"record_id", "submission_id"}:
        missing.add("record_id or submission_id")
    if missing:
        raise Failure(f"{path}: column {', '.join(sorted(missing))} is missing")
    for number, record in spreadsheets.records(path, table):
        row = {names[heading]: cell.strip() for heading, cell in record.items()}
        told = {name: row.get(name, "") for name in Row.__dataclass_fields__ if name != "number"}
        yield Row(number, **{**told, "decision": _decision(told["decision"])})


def problems(rows: Sequence[Row], lang: Lang) -> dict[int, str]:
    """Return row number -> what is wrong with the row, in English; rows that are right are absent.

    Rows that decide on one submission in different ways are all wrong: if the first took effect,
    the other could not be taken any more. An approval for the unit goes with any other decision.

    Args:
        rows: all rows of a file; those without a decision are not looked at for contradictions.
        lang: language of the decisions that the texts name.
    """
    decided: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row.decision in FINAL:
            decided.setdefault(row.submission, set()).add(row.decision)
    wrong = {}
    for row in rows:
        if problem := _problem(row, lang):
            wrong[row.number] = problem
        elif row.decision in FINAL and len(decided[row.submission]) > 1:
            wrong[row.number] = "another row decides otherwise; leave one of them"
    return wrong


def _problem(row: Row, lang: Lang) -> str:
    if row.decision not in DECISIONS:
        known = ", ".join(text(lang, f"decision.{name}") for name in DECISIONS)
        return f"{row.decision!r} is no decision; choose one of {known}"
    if not row.name:
        return "the row names no submission: fill in record_id or submission_id"
    if row.version and not (row.version.isdecimal() and len(row.version) <= VERSION_DIGITS_MAX):
        return f"version {row.version!r} is not a number; leave it as it was exported"
    return ""


def write(path: Path, lang: Lang, rows: Iterable[Mapping[str, str]]) -> int:
    """Write a file of submissions to be decided, as CSV or XLSX by its suffix.

    Args:
        path: a .csv or .xlsx file, replaced if it exists.
        lang: language of headings and decisions.
        rows: for each submission, column -> text; a missing column is left empty.

    Returns:
        The number of rows, without the headings.
    """
    header = [heading(name, lang) for name in COLUMNS]
    lines = [[visible(row.get(name, "")) for name in COLUMNS] for row in rows]
    if path.suffix.lower() == ".csv":
        # Spreadsheets recognise UTF-8 by its byte order mark.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([header, *(map(not_computed, line) for line in lines)])
    else:
        _write_xlsx(path, lang, header, lines)
    return len(lines)


def heading(column: str, lang: Lang) -> str:
    """Return the heading of a column, one of `COLUMNS`, in a language."""
    return text(lang, f"decision_file.{column}")


def _write_xlsx(path: Path, lang: Lang, header: list[str], lines: list[list[str]]) -> None:
    with new_book(path) as book:
        sheet: Any = book.add_worksheet()
        bold = book.add_format({"bold": True, "bottom": 1})
        plain = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
        for at, name in enumerate(COLUMNS):
            sheet.set_column(at, at, WIDTHS.get(name, WIDTH), plain)
            sheet.write_string(0, at, header[at], bold)
        for number, line in enumerate(lines, start=1):
            for at, cell in enumerate(line):
                if cell:
                    sheet.write_string(number, at, cell, plain)
        choices = [text(lang, f"decision.{name}") for name in DECISIONS]
        rule = {"validate": "list", "source": choices, "error_type": "warning"}
        sheet.data_validation(1, 0, max(len(lines), 1), 0, rule)
        sheet.freeze_panes(1, 2)


def _column(head: str) -> str:
    folded = head.strip().casefold()
    names = (name for name in COLUMNS for lang in Lang if heading(name, lang).casefold() == folded)
    return next(names, folded)


def _decision(said: str) -> str:
    folded = said.casefold()
    known = (n for n in DECISIONS for lang in Lang if text(lang, f"decision.{n}") == folded)
    return next(known, folded)
