"""Reads CSV and XLSX files into texts: encodings, separators, types of cells, limits."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import python_calamine

from services.cli.errors import USAGE, Failure

FILE_BYTES_MAX = 50 * 1024 * 1024
ROWS_MAX = 100_000
SEPARATORS = ",;\t"
# Vietnamese files of older Windows programs; its letters come apart and are joined by NFC later.
OLD_ENCODING = "cp1258"

Table = tuple[list[str], list[tuple[int, list[str]]]]


def read(path: Path) -> Table:
    """Return the headings, and number and cells of every other row; a header row is row 1.

    Raises:
        Failure: the file is absent, too big, of an unknown kind or not readable.
    """
    if not path.is_file():
        raise Failure(f"{path}: no such file", USAGE)
    if path.stat().st_size > FILE_BYTES_MAX:
        raise Failure(f"{path}: larger than {FILE_BYTES_MAX // 1024**2} MB; split it")
    kinds = {".csv": _csv_rows, ".xlsx": _xlsx_rows}
    if path.suffix.lower() not in kinds:
        raise Failure(f"{path}: only .csv and .xlsx can be read", USAGE)
    rows = list(kinds[path.suffix.lower()](path))
    if not rows:
        raise Failure(f"{path}: the file is empty")
    if len(rows) > ROWS_MAX + 1:
        raise Failure(f"{path}: more than {ROWS_MAX:,} rows; split it")
    return rows[0], list(enumerate(rows[1:], start=2))


def read_records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each row and its cells by heading; a header row is row 1."""
    header, body = read(path)
    for number, cells in body:
        yield number, dict(zip(header, cells, strict=False))


def decode(content: bytes) -> str:
    """Return the text of a CSV file: UTF-8 or UTF-16 with or without mark, else Vietnamese Windows.

    Raises:
        UnicodeDecodeError: it is none of them.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode(OLD_ENCODING)


def _csv_rows(path: Path) -> Iterator[list[str]]:
    try:
        text = decode(path.read_bytes())
    except UnicodeDecodeError as error:
        raise Failure(
            f"{path}: neither UTF-8 nor UTF-16 nor Windows-1258; save as UTF-8"
        ) from error
    first = text.partition("\n")[0]
    separator = max(SEPARATORS, key=first.count)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except csv.Error as error:
        raise Failure(f"{path}: not a CSV file: {error}") from error


def _xlsx_rows(path: Path) -> Iterator[list[str]]:
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        rows: Sequence[Sequence[Any]] = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError) as error:
        raise Failure(f"{path}: not an XLSX file with a sheet: {error}") from error
    for row in rows:
        yield [cell_text(cell) for cell in row]


def cell_text(cell: Any) -> str:
    """Return a spreadsheet's cell as a CSV file would have it."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
