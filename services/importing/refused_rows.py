"""Writes the refused rows of an imported file to a new file, to be corrected and imported again.

The new file has the same columns, preceded by one with the reasons. A cell whose content a
spreadsheet changed is left empty, so that the changed value is not mistaken for the true one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from services.importing.cells import Cell, cell_text
from services.importing.errors import Unclear
from services.importing.submission_rows import Parsed
from services.importing.xlsx_book import new_book

CSV, XLSX = ".csv", ".xlsx"
REPEATED = "cell.twice"
"""Problem of a row that repeats a record id; its id is left out, as it would amend that record."""


def check(to: Path, source: Path) -> None:
    """Check that the refused rows of the file ``source`` can be written to the file ``to``.

    Args:
        to: the file to write.
        source: the file that is imported.

    Raises:
        Unclear: both are the same file, or ``to`` is neither CSV nor XLSX, or it is XLSX although
            the source is CSV: a spreadsheet would add cells to rows that lack some. The user's
            fault.
    """
    kinds = (CSV,) if source.suffix.lower() == CSV else (CSV, XLSX)
    if to.suffix.lower() not in kinds:
        wanted = " or ".join(kinds)
        raise Unclear(to, f"the refused rows of {source.name} go to a {wanted} file")
    if to.resolve() == source.resolve():
        raise Unclear(to, "is the file that is imported; give another name")


def write(path: Path, parsed: Parsed, reasons: Mapping[int, Sequence[str]], heading: str) -> None:
    """Write the refused rows of an imported file to another file, below its headings.

    The first column has the reasons. Cells that a spreadsheet changed, and repeated record ids, are
    left empty.

    Args:
        path: the file to write; CSV if its name ends in `.csv`, else XLSX; replaced if it exists.
        parsed: content of the imported file.
        reasons: number of each refused row in the imported file -> the reasons.
        heading: heading of the column with the reasons, one of `headings.REFUSED_BECAUSE`.

    Raises:
        OSError: the file cannot be written.
    """
    rows = [[heading, *parsed.table.header], *_rows(parsed, reasons)]
    if path.suffix.lower() == CSV:
        # With a byte order mark, by which spreadsheets recognise UTF-8.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)
        return
    with new_book(path, strings_to_numbers=False) as book:
        sheet, text = book.add_worksheet(), book.add_format({"num_format": "@"})
        sheet.set_column(0, len(rows[0]), 22, text)
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(at, column, cell, text)


def _rows(parsed: Parsed, reasons: Mapping[int, Sequence[str]]) -> Iterator[list[str]]:
    wrong = {(each.row, each.column): each.problem for each in parsed.wrong}
    for number, cells in parsed.table.rows:
        if number in reasons:
            names = [*parsed.names, *[""] * len(cells)]
            pairs = zip(names, cells, strict=False)
            kept = (_kept(wrong.get((number, name), ""), cell) for name, cell in pairs)
            yield ["; ".join(reasons[number]), *kept]


def _kept(problem: str, cell: Cell) -> str:
    if problem == REPEATED or (problem and not isinstance(cell, str)):
        return ""
    # Not escaped, even if a spreadsheet would read it as a formula: it is the user's own text.
    return cell if isinstance(cell, str) else cell_text(cell)


def by_row(problems: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    """Return row number -> its reasons, from (row number, reason) pairs.

    The rows, and the reasons of each, are in the order of the pairs.
    """
    found: dict[int, list[str]] = {}
    for row, problem in problems:
        found.setdefault(row, []).append(problem)
    return found
