"""Writes submissions as a table with the columns that an import reads.

Importing such a table again changes nothing, because each text is read as the value it came from.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from kieng.submissions.v1 import submission_pb2
from services.importing.field_values import enum_choices, is_share, joined
from services.importing.headings import CLAIM_COLUMNS, columns, fact_columns
from services.importing.shares import percentage
from services.importing.template_book import heading
from services.importing.xlsx_book import new_book
from services.texts import Lang

SUFFIXES = (".csv", ".xlsx")
WIDTH = 22


def row(type_name: str, submission: submission_pb2.Submission) -> list[str]:
    """Return the cells of a submission that came from an import, in the order of `columns`.

    Cells without a value are empty. A withdrawn submission has the action `withdraw`, with which an
    import would withdraw it.

    Args:
        type_name: type of the submission, which decides the columns.
        submission: submission with a source record.
    """
    content = submission.content
    facts = getattr(content.facts, type_name)
    claim = submission_pb2.Content.DESCRIPTOR.fields_by_name
    cells = {"record_id": submission.source_record.record_id}
    if submission.state == submission_pb2.STATE_WITHDRAWN:
        cells |= {"action": "withdraw", "reason": submission.reason}
    cells |= {name: _text(content, claim[name]) for name in CLAIM_COLUMNS}
    cells |= {name: _text(facts, field) for name, field in fact_columns(type_name).items()}
    for name in ("sha256", "title", "uri"):
        cells[f"evidence_{name}"] = joined(getattr(proof, name) for proof in content.evidence)
    return [cells.get(name, "") for name in columns(type_name)]


def write(path: Path, type_name: str, lang: Lang, rows: Iterable[Sequence[str]]) -> int:
    """Write a table as CSV or XLSX, by the suffix of its file; return the number of rows.

    The rows are written one by one and not held in memory.

    Args:
        path: a .csv or .xlsx file, replaced if it exists.
        type_name: submission type.
        lang: language of the headings.
        rows: cells as `row` returns them.
    """
    header = [heading(name, lang) for name in columns(type_name)]
    write_rows = _write_csv if path.suffix.lower() == ".csv" else _write_xlsx
    return write_rows(path, header, rows)


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    number = 0
    # Spreadsheets recognise UTF-8 by its byte order mark.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for cells in rows:
            writer.writerow(cells)
            number += 1
    return number


def _write_xlsx(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    number = 0
    with new_book(path, constant_memory=True) as book:
        sheet = book.add_worksheet()
        text = book.add_format({"num_format": "@"})
        sheet.set_column(0, len(header) - 1, WIDTH, text)
        for at, name in enumerate(header):
            sheet.write_string(0, at, name, text)
        for number, cells in enumerate(rows, start=1):
            for at, cell in enumerate(cells):
                if cell:
                    sheet.write_string(number, at, cell, text)
    return number


def _text(message: Any, field: FieldDescriptor) -> str:
    value = getattr(message, field.name)
    if field.is_repeated:
        return joined(_item(field, item) for item in value)
    return _item(field, value) if value else ""


def _item(field: FieldDescriptor, value: Any) -> str:
    if field.enum_type is not None:
        return next(name for name, number in enum_choices(field).items() if number == value)
    if is_share(field):
        # With its sign it is read the same under every heading.
        return f"{percentage(value, 'en')}%"
    return str(value).lower() if isinstance(value, bool) else str(value)
