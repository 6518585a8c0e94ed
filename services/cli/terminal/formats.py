"""Writes an answer in formats of `--output` for other programs: CSV, Markdown and XLSX.

An answer consists of tables and sentences. Numbers and times are written exactly, without the
separators of a language; see `render.Shown`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.console import Group, RenderableType
from rich.text import Text

from services.cli.terminal.escaping import not_computed, visible
from services.cli.terminal.render import Exact, Shown
from services.cli.terminal.tables import WholeTable

SHEET_NAME_MAX = 31
_NOT_IN_SHEET_NAMES = re.compile(r"[][:*?/\\']")


def parts(shown: RenderableType) -> Iterator[WholeTable | str]:
    """Yield the tables and sentences of an answer, in order.

    Raises:
        TypeError: the answer has another kind of part, which is a bug of the command.
    """
    if isinstance(shown, Group):
        for each in shown.renderables:
            yield from parts(each)
    elif isinstance(shown, WholeTable | str):
        yield shown
    elif isinstance(shown, Text):
        yield shown.plain
    else:
        raise TypeError(f"an answer has no {type(shown).__name__}")


def csv_text(tables: Sequence[WholeTable]) -> str:
    """Return tables as CSV, with an empty line between two tables; empty if there are none.

    The first line of each table has its headings. A text that a spreadsheet would read as a formula
    gets an apostrophe in front.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    for number, table in enumerate(tables):
        if number:
            file.write("\n")
        writer.writerow(map(_csv_cell, table.headings))
        writer.writerows([_csv_cell(cell) for cell in line] for line in table.lines)
    return file.getvalue()


def _csv_cell(cell: str) -> Exact:
    if isinstance(cell, Shown):
        return cell.exact
    return not_computed(visible(cell))


def markdown_text(shown: Sequence[WholeTable | str]) -> str:
    """Return tables and sentences as Markdown, with an empty line between them.

    In the cells of a table, the characters `|` and `<` and line feeds are escaped.
    """
    return "\n\n".join(
        _markdown_table(part) if isinstance(part, WholeTable) else visible(part.strip("\n"))
        for part in shown
    )


def _markdown_table(table: WholeTable) -> str:
    lines = [f"**{_markdown_cell(str(table.title))}**", ""] if table.title else []
    rules = ["---:" if column.justify == "right" else "---" for column in table.columns]
    rows = [table.headings, *table.lines]
    cells = [" | ".join(map(_markdown_cell, row)) for row in rows]
    body = [cells[0], " | ".join(rules), *cells[1:]]
    lines += [f"| {row} |" for row in body]
    if table.caption:
        lines += ["", _markdown_cell(str(table.caption))]
    return "\n".join(lines)


def _markdown_cell(cell: str) -> str:
    return visible(cell).replace("|", "\\|").replace("<", "&lt;").replace("\n", "<br>")


def xlsx_bytes(tables: Sequence[WholeTable]) -> bytes:
    """Return an Excel workbook with a sheet for each table; no text in it is a formula.

    A sheet is named after the number and the title of its table, e.g. `1 Targets`.
    """
    # Only this format needs the library.
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        for number, table in enumerate(tables, start=1):
            sheet = book.add_worksheet(_sheet_name(table, number))
            sheet.freeze_panes(1, 0)
            for at, heading in enumerate(table.headings):
                sheet.write_string(0, at, visible(heading), bold)
            for row, line in enumerate(table.lines, start=1):
                for at, cell in enumerate(line):
                    _write_cell(sheet, row, at, cell)
            for at, width in enumerate(_sheet_widths(table)):
                sheet.set_column(at, at, width)
    return file.getvalue()


def _sheet_name(table: WholeTable, number: int) -> str:
    title = _NOT_IN_SHEET_NAMES.sub(" ", visible(str(table.title or ""))).strip()
    return f"{number} {title}"[:SHEET_NAME_MAX].strip()


def _write_cell(sheet: object, row: int, column: int, cell: str) -> None:
    exact = cell.exact if isinstance(cell, Shown) else visible(cell)
    write = "write_string" if isinstance(exact, str) else "write_number"
    getattr(sheet, write)(row, column, exact)


def _sheet_widths(table: WholeTable) -> list[int]:
    columns = zip_longest(table.headings, *table.lines, fillvalue="")
    return [min(60, max(map(len, column)) + 2) for column in columns]
