"""Reads from a sheet's XML what calamine does not report: errors, formats, hidden rows, extent.

calamine reads values quickly, but it returns an error as an empty text and a percentage as a
fraction, and it does not report which rows a filter hides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from string import digits
from xml.etree import ElementTree
from xml.parsers import expat
from zipfile import ZipFile

from services.importing import number_formats
from services.importing.cells import UnreadableCell
from services.importing.number_formats import Shown

CHUNK = 1 << 20
FORMATS_MAX = 5_000
"""Number of number formats that are looked at; old workbooks have some hundreds."""
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_COLUMN = re.compile(r"[A-Z]{1,3}")
_TEXTS = {"s", "str", "inlineStr", "d", "b"}


@dataclass
class Marks:
    """What the XML of one sheet says about its cells; rows and columns are counted from 0.

    Args:
        hidden_rows: the rows that are hidden.
        hidden_columns: first and last column of each range of columns that is hidden.
        cells: (row, column) -> problem of a cell that has an error, a formula without a value, or a
            number displayed with an exponent or with another unit of money than dong.
        numbers: (row, column) -> class of a number displayed as a percentage or with further
            characters, e.g. `007` or `PT-7`.
        rows: number of rows down to the last value.
        columns: number of columns up to the last value.
    """

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    cells: dict[tuple[int, int], UnreadableCell] = field(default_factory=dict)
    numbers: dict[tuple[int, int], type[float]] = field(default_factory=dict)
    rows: int = 0
    columns: int = 0


def scan(archive: ZipFile, sheet: str) -> Marks:
    """Return what the XML of one sheet says about its cells and rows.

    Args:
        archive: the opened .xlsx file.
        sheet: name of the sheet.

    Raises:
        KeyError: the file has no such sheet, or its part is missing.
        expat.ExpatError, ElementTree.ParseError: a part of the file is not XML.
        ValueError: a range of hidden columns is not of numbers.
    """
    scanner = _Scanner(_odd_styles(archive))
    parser = expat.ParserCreate()
    parser.StartElementHandler = scanner.start
    with archive.open(_part_of(archive, sheet)) as part:
        while chunk := part.read(CHUNK):
            parser.Parse(chunk)
    parser.Parse(b"", True)
    return scanner.marks


class _Scanner:
    def __init__(self, odd_styles: Mapping[str, Shown]) -> None:
        self.marks = Marks()
        self._odd_styles = odd_styles
        self._row = self._column = -1
        self._cell: dict[str, str] = {}

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        # Called for each element of the sheet, so the usual ones take no further call.
        name = tag.rpartition(":")[2] if ":" in tag else tag
        if name == "c":
            self._cell = attributes
            letters = attributes.get("r", "").rstrip(digits)
            column = _column_number(letters)
            self._column = self._column + 1 if column is None else column
        elif name in ("v", "is"):
            self._value()
        elif name == "f":
            # Removed again by the value that follows, unless the formula has none.
            self.marks.cells[self._row, self._column] = UnreadableCell("cell.uncomputed")
        elif name == "row":
            self._row = int(attributes.get("r", self._row + 2)) - 1
            self._column = -1
            if attributes.get("hidden") in ("1", "true"):
                self.marks.hidden_rows.add(self._row)
        elif name == "col" and attributes.get("hidden") in ("1", "true"):
            first, last = int(attributes["min"]) - 1, int(attributes["max"]) - 1
            self.marks.hidden_columns.append((first, last))

    def _value(self) -> None:
        marks, row, column = self.marks, self._row, self._column
        if row >= marks.rows:
            marks.rows = row + 1
        if column >= marks.columns:
            marks.columns = column + 1
        if marks.cells:
            marks.cells.pop((row, column), None)
        kind = self._cell.get("t", "n")
        if kind in _TEXTS:
            return
        if kind == "e":
            marks.cells[row, column] = UnreadableCell("cell.error")
        elif isinstance(odd := self._odd_styles.get(self._cell.get("s", "")), UnreadableCell):
            marks.cells[row, column] = odd
        elif odd is not None:
            marks.numbers[row, column] = odd


def _part_of(archive: ZipFile, sheet: str) -> str:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {each.get("Id"): each.get("Target", "") for each in relations}
    ids = {each.get("name"): each.get(_RELATION) for each in book.iter(f"{_MAIN}sheet")}
    target = targets[ids[sheet]]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _odd_styles(archive: ZipFile) -> Mapping[str, Shown]:
    """Return the index of each cell style that shows more than a number -> what it shows."""
    try:
        styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    except KeyError:
        return {}
    odd = dict(number_formats.BUILT_IN)
    for each in islice(styles.iter(f"{_MAIN}numFmt"), FORMATS_MAX):
        shown = number_formats.shown_by(each.get("formatCode", ""))
        odd[int(each.get("numFmtId", "0"))] = shown
    formats = styles.find(f"{_MAIN}cellXfs")
    found = [int(each.get("numFmtId", "0")) for each in (formats if formats is not None else ())]
    return {str(at): shown for at, each in enumerate(found) if (shown := odd.get(each))}


@lru_cache
def _column_number(letters: str) -> int | None:
    """Return the number of a column, counted from 0; None if it has no name of a column."""
    if not _COLUMN.fullmatch(letters):
        return None
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
