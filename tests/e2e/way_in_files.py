"""Writes the files of `way_in_cases`: tables as CSV and books as XLSX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import xlsxwriter

PROOF = "ee" * 32
Build = Callable[[Path, int], Path]
"""Writes a file into a folder, for a turn, and returns it."""
PAPER = "record_id,unit_id,evidence_sha256,title,issued_on,indexes"


def table(*lines: str, encoding: str = "utf-8") -> Build:
    """Return what writes these lines as a CSV file."""

    def build(folder: Path, turn: int) -> Path:
        path = folder / f"file-{turn}.csv"
        path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
        return path

    return build


def papers(*rows: str, more: str = "", encoding: str = "utf-8") -> Build:
    """Return what writes a table of publications: rows begin with title and date."""
    begun = [f"r{n},vnu/hus,{PROOF},{row}" for n, row in enumerate(rows)]
    return table(PAPER + more, *begun, encoding=encoding)


def works(columns: str, common: str, spellings: Sequence[str]) -> Build:
    """Return what writes a row for each spelling of one identifier, which is the last column."""
    rows = [f'r{n},vnu/hus,{PROOF},{common},"{each}"' for n, each in enumerate(spellings)]
    return table(f"record_id,unit_id,evidence_sha256,{columns}", *rows)


def book(fill: Callable[[Any, Any], None], header: str = PAPER) -> Build:
    """Return what writes an XLSX file with headings, whose sheet is then filled."""

    def build(folder: Path, turn: int) -> Path:
        path = folder / f"file-{turn}.xlsx"
        with xlsxwriter.Workbook(path) as made:
            sheet = made.add_worksheet("Data")
            sheet.write_row(0, 0, header.split(","))
            fill(made, sheet)
        return path

    return build


def _rows(sheet: Any, number: int, date: str, index: str = "scopus", begin: int = 1) -> None:
    for n in range(begin, begin + number):
        sheet.write_row(n, 0, [f"b{n}", "vnu/hus", PROOF, f"Invented {n}", date, index])


def merged(_: Any, sheet: Any) -> None:
    """Three works whose index is one merged cell."""
    _rows(sheet, 3, "2012-01-10", "")
    sheet.merge_range(1, 5, 3, 5, "scopus")


def error(_: Any, sheet: Any) -> None:
    """A work whose index is the error of a formula."""
    _rows(sheet, 1, "2012-02-10")
    sheet.write_formula(1, 5, "=NA()", None, "#N/A")


def two_sheets(made: Any, sheet: Any) -> None:
    """A second sheet with rows."""
    _rows(sheet, 1, "2012-03-10")
    other = made.add_worksheet("More")
    other.write_row(0, 0, PAPER.split(","))
    _rows(other, 1, "2012-03-10")


def hidden(_: Any, sheet: Any) -> None:
    """Three works, of which one is hidden."""
    _rows(sheet, 3, "2012-04-10")
    sheet.set_row(2, options={"hidden": True})


def became_date(made: Any, sheet: Any) -> None:
    """A number of a receipt that the spreadsheet turned into a date."""
    sheet.write_row(1, 0, ["c1", "vnu/hus", PROOF])
    sheet.write_datetime(1, 3, datetime(2018, 3, 1), made.add_format({"num_format": "mm/yyyy"}))
    sheet.write_row(1, 4, ["contract:X", "2012-05-10", "5"])


def old_font(_: Any, sheet: Any) -> None:
    """Titles in letters of an old font."""
    for n, title in enumerate(("§Ò tµi khoa häc", "VËt liÖu míi"), start=1):
        sheet.write_row(n, 0, [f"b{n}", "vnu/hus", PROOF, title, "2012-06-10", "scopus"])


def far_blank(_: Any, sheet: Any) -> None:
    """A blank in the last row that a sheet can have."""
    _rows(sheet, 1, "2012-07-10")
    sheet.write_string(1_048_575, 0, " ")
