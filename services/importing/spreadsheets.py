"""Reads CSV and XLSX files into tables, and reports what was skipped or converted."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from services.importing import csv_file, legacy_text, xlsx_file
from services.importing.cells import Cell, UnreadableCell, cell_text, has_text
from services.importing.errors import Unclear, Unreadable
from services.importing.xlsx_file import WIDE, Limits

FILE_BYTES_MAX = 50 * 1024 * 1024
ROWS_MAX = 100_000
TITLE_ROWS_MAX = 20
"""Maximum number of rows above the headings that are not blank, e.g. of a title."""

LATIN_1_LAST = "\xff"

IsHeader = Callable[[Sequence[str]], bool]
"""Returns True if these texts of a row are the headings of the table."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the user should know about how a file was read, e.g. skipped rows.

    Args:
        key: key of the message, e.g. `import.hidden_skipped`.
        values: values of the placeholders in the message.
    """

    key: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of a table below its headings; each iteration converts them anew.

    Args:
        rows: all rows of the file; can be iterated over again.
        begin: number of rows of the file up to and including the headings.
        conversions: index of a column -> function that converts its texts to Unicode; it is not
            called for ASCII texts.
    """

    rows: Iterable[Sequence[Cell]]
    begin: int
    conversions: Mapping[int, Callable[[str], str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[int, Sequence[Cell]]]:
        """Yield row number, counted from 1 in the file, and cells of each row that is not blank."""
        for number, row in enumerate(self.rows, start=1):
            if number > self.begin and any(map(has_text, row)):
                yield number, self._converted(row) if self.conversions else row

    def _converted(self, row: Sequence[Cell]) -> Sequence[Cell]:
        cells = list(row)
        for at, convert in self.conversions.items():
            if isinstance(cell := _at(cells, at), str) and not cell.isascii():
                cells[at] = convert(cell)
        return cells


@dataclass(frozen=True, slots=True)
class Table:
    """The headings and rows of a file.

    Args:
        header: the headings, without blank ones at the end.
        rows: number of each row, counted from 1 at the beginning of the file, and its cells; blank
            rows are omitted. Can be iterated over again, which reads a CSV file again.
        notices: what the user should know about how the file was read.
        notes: texts of the rows above the headings and of the one below, e.g. a unit of money.
    """

    header: list[str]
    rows: Iterable[tuple[int, Sequence[Cell]]]
    notices: list[Notice] = field(default_factory=list)
    notes: Sequence[str] = ()


def read(
    path: Path,
    is_header: IsHeader | None = None,
    sheet: str = "",
    skip_hidden: bool = False,
    limits: Limits = WIDE,
) -> Table:
    """Return the table in a file, with text of old Vietnamese fonts converted to Unicode.

    Args:
        path: a .csv or .xlsx file.
        is_header: recognises the row of headings below a title; by default, the first row that is
            not blank contains the headings.
        sheet: name of the sheet to read; by default, the only visible one that has a table.
        skip_hidden: whether to omit rows that are hidden, e.g. by a filter.
        limits: how much an XLSX file may contain.

    Raises:
        Unreadable: the file does not exist, is too large, is neither CSV nor XLSX, or cannot be
            read.
        Unclear: there is no such sheet, or there are several to choose from.
    """
    if not path.is_file():
        raise Unclear(path, "no such file")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise Unreadable(path, f"larger than {FILE_BYTES_MAX // 1024**2} MB; split it")
    if path.suffix.lower() == ".csv":
        return _table(path, csv_file.rows(path), is_header)
    if path.suffix.lower() != ".xlsx":
        raise Unclear(path, "only .csv and .xlsx can be read")
    chosen, notices = _choose(path, xlsx_file.sheets(path, limits), is_header, sheet)
    hidden = chosen.hidden if skip_hidden else frozenset()
    rows = [[] if number in hidden else row for number, row in enumerate(chosen.rows)]
    table = _table(path, rows, is_header)
    shown = [number for number, _ in table.rows if number - 1 in chosen.hidden]
    if skip_hidden and chosen.hidden:
        notices.append(Notice("import.hidden_skipped", {"rows": str(len(chosen.hidden))}))
    elif shown:
        notices.append(Notice("import.hidden_read", {"rows": str(len(shown))}))
    unseen = [each for at, each in enumerate(table.header) if each and at in chosen.hidden_columns]
    if unseen:
        notices.append(Notice("import.hidden_columns", {"columns": ", ".join(unseen)}))
    return replace(table, notices=notices + table.notices)


def read_records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each row in a file, and heading -> text of its cells.

    Args:
        path: a .csv or .xlsx file, with headings in its first row that is not blank.

    Raises:
        Unreadable: the file cannot be read, see `read`, or a row cannot, see `records`. The fault
            of the file's author.
    """
    return records(path, read(path))


def records(
    path: Path, table: Table, needed: Container[str] | None = None
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each row in a table, and heading -> text of its cells.

    A cell that the row lacks gives an empty text; of headings that are equal, the last counts.

    Args:
        path: the file that the table was read from, for messages.
        table: the table.
        needed: headings below which an unreadable cell is wrong; None for all.

    Raises:
        Unreadable: a row has a text beyond the last heading or an unreadable cell. The error names
            the row, which the file's author has to correct.
    """
    for number, cells in table.rows:
        if is_too_wide(cells, table.header):
            wide = f"{len(cells)} cells under {len(table.header)} headings"
            problem = f"{wide}; put texts with separators in quotation marks"
            raise Unreadable(f"{path}:{number}", problem)
        for heading, cell in zip(table.header, cells, strict=False):
            if isinstance(cell, UnreadableCell) and (needed is None or heading in needed):
                problem = f"what stands under {heading!r} cannot be read; type the value itself"
                raise Unreadable(f"{path}:{number}", problem)
        texts = [cell_text(cell) for cell in cells]
        texts += [""] * (len(table.header) - len(texts))
        yield number, dict(zip(table.header, texts, strict=False))


def is_too_wide(cells: Sequence[Cell], header: Sequence[str]) -> bool:
    """Return True if a row has a text beyond the last heading, so its cells must have shifted.

    Blank cells there do not count.
    """
    return any(has_text(cell) for cell in cells[len(header) :])


def _table(path: Path, rows: Iterable[Sequence[Cell]], is_header: IsHeader | None) -> Table:
    """Return the table in the rows of a file, with headings found and old fonts converted."""
    numbered = ((n, row) for n, row in enumerate(rows, start=1) if any(map(has_text, row)))
    first = list(islice(numbered, TITLE_ROWS_MAX + 1))
    if not first:
        raise Unreadable(path, "the file is empty")
    at = _header_at(first, is_header)
    begin, headings = first[at]
    header = [cell_text(cell) for cell in headings]
    while header and not header[-1]:
        header.pop()
    foreign, unnamed = _Foreign(), [n for n, text in enumerate(header) if not text]
    lost, count = set[int](), 0
    for count, (_, row) in enumerate(chain(first[at + 1 :], numbered), start=1):
        foreign.look_at(row)
        lost.update(each for each in unnamed if has_text(_at(row, each)))
        if count > ROWS_MAX:
            raise Unreadable(path, f"more than {ROWS_MAX:,} rows; split it")
    notices = [Notice("import.titles_skipped", {"rows": str(at)})] if at else []
    if lost:
        columns = ", ".join(xlsx_file.letters(each) for each in sorted(lost))
        notices.append(Notice("import.columns_unnamed", {"columns": columns}))
    around = (row for _, row in (*first[:at], *first[at + 1 : at + 2]))
    notes = [cell_text(cell) for row in around for cell in row if isinstance(cell, str) and cell]
    return _with_unicode(Table(header, Body(rows, begin), notices, notes), foreign.columns)


@dataclass
class _Foreign:
    """Collects the texts of each column that may be of an old font; most columns have none.

    ``columns`` maps the index of a column to its texts that are not ASCII; None for a column with
    letters beyond Latin-1, which cannot be of an old font.
    """

    columns: dict[int, list[str] | None] = field(default_factory=dict)

    def look_at(self, row: Sequence[Cell]) -> None:
        """Collect the texts in the cells of a row."""
        odd = [(a, c) for a, c in enumerate(row) if isinstance(c, str) and not c.isascii()]
        for at, cell in odd:
            texts = self.columns.setdefault(at, [])
            if texts is not None:
                if max(cell) > LATIN_1_LAST:
                    self.columns[at] = None
                else:
                    texts.append(cell)


def _header_at(rows: Sequence[tuple[int, Sequence[Cell]]], is_header: IsHeader | None) -> int:
    """Return the position of the headings; of two lines with merged cells, that of the lower."""
    are = [is_header is not None and is_header(list(map(cell_text, row))) for _, row in rows]
    at = are.index(True) if True in are else 0
    return at + 1 if any(are[at + 1 : at + 2]) else at


def _choose(
    path: Path, sheets: list[xlsx_file.Sheet], is_header: IsHeader | None, wanted: str
) -> tuple[xlsx_file.Sheet, list[Notice]]:
    """Return the sheet to read, and a notice if other sheets have rows.

    Hidden sheets are only told if they have a table as the one that is read.
    """
    if wanted:
        found = [sheet for sheet in sheets if sheet.name == wanted]
        if not found:
            names = ", ".join(repr(sheet.name) for sheet in sheets)
            raise Unclear(path, f"there is no sheet {wanted!r}, but {names}", "sheet")
        return found[0], []
    full = [sheet for sheet in sheets if sheet.is_visible and sheet.has_rows()]
    tables = [sheet for sheet in full if _has_header(sheet, is_header)] or full
    if not tables:
        raise Unreadable(path, "the file is empty")
    if len(tables) > 1:
        names = ", ".join(repr(sheet.name) for sheet in tables)
        raise Unclear(path, f"several sheets have rows: {names}; choose one", "sheet")
    unseen = [each for each in sheets if not each.is_visible and _has_header(each, is_header)]
    others = [each.name for each in sheets if each in (*full, *unseen) and each is not tables[0]]
    values = {"sheet": tables[0].name, "others": ", ".join(others)}
    return tables[0], [Notice("import.sheets_unread", values)] if others else []


def _has_header(sheet: xlsx_file.Sheet, is_header: IsHeader | None) -> bool:
    rows = [row for row in sheet.rows if any(map(has_text, row))][: TITLE_ROWS_MAX + 1]
    return is_header is not None and any(is_header([cell_text(c) for c in row]) for row in rows)


def _with_unicode(table: Table, foreign: Mapping[int, Sequence[str] | None]) -> Table:
    """Return a table with text of old Vietnamese fonts converted, in headings and columns.

    ``foreign`` maps the index of a column to texts that may be such text; None if they cannot be.
    """
    of_header = legacy_text.converter(table.header)
    header = [of_header(text) for text in table.header] if of_header else table.header
    columns = {at: texts for at, texts in sorted(foreign.items()) if at < len(header) and texts}
    found = next(filter(None, map(legacy_text.converter, columns.values())), of_header)
    if found is None:
        return table
    odd = [at for at, texts in columns.items() if legacy_text.fits(found, texts)]
    assert isinstance(table.rows, Body)
    rows = replace(table.rows, conversions=dict.fromkeys(odd, found))
    notice = Notice("import.converted", {"columns": ", ".join(header[at] for at in odd)})
    return Table(header, rows, [*table.notices, notice], table.notes)


def _at(row: Sequence[Cell], column: int) -> Cell:
    return row[column] if column < len(row) else ""
