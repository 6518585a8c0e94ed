"""Reads the sheets of XLSX files, including merged cells, errors and hidden rows."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

import python_calamine

from services.importing import xlsx_marks
from services.importing.cells import Cell, MergedNumber, UnreadableCell, has_text
from services.importing.errors import Unclear, Unreadable

_BROKEN = (
    python_calamine.CalamineError,
    BadZipFile,
    zipfile.LargeZipFile,
    KeyError,
    ValueError,
    ElementTree.ParseError,
    expat.ExpatError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an XLSX file may contain; a larger one is refused before it is read whole.

    Args:
        unpacked_bytes: size of all parts of the file, uncompressed.
        cells: cells in the rectangle that encloses the values of one sheet; calamine keeps each in
            about 32 bytes.
    """

    unpacked_bytes: int = 500 * 1024 * 1024
    cells: int = 20_000_000


CHUNK = 1 << 20
WIDE = Limits()
"""Limits of the command line, which reads files on its user's own machine."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The values of one sheet.

    Args:
        name: name of the sheet.
        is_visible: whether the sheet is shown.
        rows: cells of each row, beginning with the first row of the sheet; without blank rows at
            the end.
        hidden: indexes of the hidden rows in ``rows``.
        hidden_columns: indexes of the hidden columns up to the last value.
    """

    name: str
    is_visible: bool
    rows: list[list[Cell]]
    hidden: frozenset[int]
    hidden_columns: frozenset[int]

    def has_rows(self) -> bool:
        """Return True if any cell of the sheet is not blank, also in hidden rows."""
        return any(has_text(cell) for row in self.rows for cell in row)


def sheets(path: Path, limits: Limits = WIDE) -> list[Sheet]:
    """Return the worksheets of a file in their order, hidden ones included, charts and macros not.

    Args:
        path: the file.
        limits: how much it may contain.

    Raises:
        Unreadable: the file or a sheet is larger than the limits. Its author's fault.
        Unclear: the file is not an XLSX file. The user's fault.
    """
    try:
        with ZipFile(path) as archive:
            if _unpacks_to_more(archive, limits.unpacked_bytes):
                limit = limits.unpacked_bytes // 1024**2
                raise Unreadable(path, f"unpacks to more than {limit} MB; split it")
            with python_calamine.CalamineWorkbook.from_path(str(path)) as book:
                return list(_sheets(path, archive, book, limits.cells))
    except _BROKEN as error:
        raise Unclear(path, f"not an XLSX file with a sheet: {error}") from error


def _unpacks_to_more(archive: ZipFile, bytes_max: int) -> bool:
    """Return True if the parts together are larger than allowed, whatever the archive states."""
    left = bytes_max
    if sum(part.file_size for part in archive.infolist()) > left:
        return True
    for part in archive.infolist():
        true = copy(part)
        # zipfile stops at the size that the archive states; calamine reads on to the real end.
        true.file_size = bytes_max + 2 * CHUNK
        with archive.open(true) as opened:
            while chunk := opened.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    return True
    return False


def _sheets(path: Path, archive: ZipFile, book: Any, cells_max: int) -> Iterator[Sheet]:
    for entry in book.sheets_metadata:
        if entry.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        marks = xlsx_marks.scan(archive, entry.name)
        if marks.rows * marks.columns > cells_max:
            text = f"reaches down to row {marks.rows:,} and column {marks.columns:,}"
            remedy = "delete what lies far from the table (Ctrl+End shows it)"
            raise Unreadable(path, f"sheet {entry.name!r} {text}; {remedy}")
        sheet = book.get_sheet_by_name(entry.name)
        ranges = sheet.merged_cell_ranges or ()
        merged = sum((low - top + 1) * (right - left + 1) for (top, left), (low, right) in ranges)
        if merged > cells_max:
            problem = f"sheet {entry.name!r} merges {merged:,} cells; unmerge them"
            raise Unreadable(path, problem)
        rows = _without_end(_rows(sheet, marks))
        is_visible = entry.visible == python_calamine.SheetVisibleEnum.Visible
        columns = frozenset(_within(marks.hidden_columns, marks.columns))
        yield Sheet(entry.name, is_visible, rows, frozenset(marks.hidden_rows), columns)


def _within(ranges: Iterable[tuple[int, int]], end: int) -> Iterator[int]:
    at = 0
    # A hostile file has a million ranges that overlap; each column is yielded once.
    for first, last in sorted(ranges):
        begin, at = max(first, at), max(at, min(last + 1, end))
        yield from range(begin, at)


def _rows(sheet: Any, marks: xlsx_marks.Marks) -> Iterator[list[Cell]]:
    top, left = sheet.start or (0, 0)
    margin: list[Cell] = [""] * left
    odd: dict[int, dict[int, Cell]] = {}
    for (number, column), cell in marks.cells.items():
        odd.setdefault(number, {})[column] = cell
    shown: dict[int, dict[int, type[float]]] = {}
    for (number, column), kind in marks.numbers.items():
        shown.setdefault(number, {})[column] = kind
    merged = _merged(sheet.merged_cell_ranges or ())
    above: dict[int, Cell] = {}
    yield from ([] for _ in range(top))
    special = odd.keys() | shown.keys() | merged.keys()
    for number, values in enumerate(sheet.iter_rows(), start=top):
        if number not in special and values.count("") == len(values):
            yield []
            continue
        row: list[Cell] = [*margin, *values]
        for column, unreadable in odd.get(number, {}).items():
            row.extend("" for _ in range(len(row), column + 1))
            row[column] = unreadable
        for column, kind in shown.get(number, {}).items():
            value = row[column]
            row[column] = kind(value) if isinstance(value, (int, float)) else value
        for column, first in merged.get(number, {}).items():
            row.extend("" for _ in range(len(row), column + 1))
            if isinstance(first, UnreadableCell):
                row[column] = first
            else:
                value = above[column] = row[column] if first else above[column]
                row[column] = MergedNumber(value) if type(value) is float else value
        yield row


def _without_end(rows: Iterable[list[Cell]]) -> list[list[Cell]]:
    """Return rows without blank ones at the end: one formatted cell may add a million of them."""
    result: list[list[Cell]] = []
    blank = 0
    for row in rows:
        if any(map(has_text, row)):
            result += [[] for _ in range(blank)]
            result.append(row)
            blank = 0
        else:
            blank += 1
    return result


def _merged(ranges: Any) -> dict[int, dict[int, bool | UnreadableCell]]:
    """Return row -> column -> what is special about a merged cell.

    A value merged over several rows counts for each of them: True marks the first cell, False those
    below, which repeat its value. Cells merged over several columns are unreadable, and those of
    one row are left alone but for that.
    """
    result: dict[int, dict[int, bool | UnreadableCell]] = {}
    for (top, left), (bottom, right) in ranges:
        for row in range(top, bottom + 1):
            cells = result.setdefault(row, {})
            if top < bottom:
                cells[left] = row == top
            name = f"{letters(left)}{top + 1}:{letters(right)}{bottom + 1}"
            for column in range(left + 1, right + 1):
                cells[column] = UnreadableCell("cell.merged", name)
    return result


def letters(column: int) -> str:
    """Return the name of a column that is counted from 0, e.g. `AB` for 27."""
    name = ""
    while column >= 0:
        name = chr(ord("A") + column % 26) + name
        column = column // 26 - 1
    return name
