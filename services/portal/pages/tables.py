"""Tables as CSV and XLSX files, above all the board with its view id and digest."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import chain, repeat, zip_longest

import xlsxwriter
from starlette.datastructures import FormData
from starlette.responses import Response

from kieng.kpi.v1 import view_pb2
from services.kernel.errors import NotFound
from services.portal.domain.figures import MISSED, Figure, Number
from services.portal.pages.board import Board, board
from services.portal.pages.reading import catalogue_of
from services.portal.site import Page

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
"""Characters with which a text would begin a formula in a spreadsheet."""
TEXT_MAX = 32_767
"""Most characters of a cell of a workbook."""
EXACT_BELOW = 10**15
"""Amount below which spreadsheets keep every digit; larger ones are written as text."""
Value = str | int | float | None


async def table(page: Page) -> Response:
    """Answer `/tables/board.csv` and `/tables/board.xlsx`: a board with a row for each figure.

    Its units are those of parameter `unit`, by default the consortium and its institutions.

    Raises:
        Refused: the caller may not read the numbers.
        NotFound: there is no such unit, or no such kind of file. The caller's fault.
        InvalidArgument: the URL names no valid period. The caller's fault.
    """
    if (wanted := page.request.path_params["kind"]) not in KINDS:
        raise NotFound(page.text("refused.no_page"))
    catalogue = await catalogue_of(page)
    units = page.query.getlist("unit")[:100]
    if not units:
        units = [catalogue.root, *(each.unit_id for each in catalogue.children(catalogue.root))]
    prefix = page.query.get("prefix", "")[:6]
    found = await board(page, catalogue, units, prefix)
    name = f"kieng-{found.house}-{found.period.first}-{found.period.last}"
    return await file(wanted, name, list(_lines(page, found)))


def wants_file(page: Page) -> bool:
    """Return whether parameter `file` requests the table of a page as a file that there is."""
    return page.query.get("file", "") in KINDS


async def wanted_file(page: Page, name: str, lines: Iterable[Sequence[Value]]) -> Response | None:
    """Return the table of a page as the file that parameter `file` requests: `csv` or `xlsx`.

    None if it requests none or an unknown one.

    Args:
        page: the page.
        name: name of the file without suffix.
        lines: headings and rows; not read if no file is requested.
    """
    if not wants_file(page):
        return None
    return await file(page.query["file"], name, [list(line) for line in lines])


async def sent_file(
    page: Page, given: FormData, name: str, tables: Mapping[str, Iterable[Sequence[Value]]]
) -> Response | None:
    """Return the table that field `file` of a form requests, e.g. `effects.csv`; None if none.

    Pages that answer a form have no URL of their own, so buttons of the form request their tables.

    Args:
        page: the page.
        given: the fields of the form.
        name: name of the file without suffix and name of the table.
        tables: name -> headings and rows; only those of the requested table are read.
    """
    table, _, kind = str(given.get("file", "")).rpartition(".")
    if table not in tables or kind not in KINDS:
        return None
    return await file(kind, f"{name}-{table}", [list(line) for line in tables[table]])


def stamped(
    page: Page, lines: Iterable[Sequence[Value]], view: view_pb2.ViewInfo
) -> Iterator[list[Value]]:
    """Yield headings and rows with two more columns: id and digest of the view they are from.

    Args:
        page: the page, for its language.
        lines: headings and rows.
        view: the view.
    """
    heads = page.text("column.view"), page.text("column.digest")
    ends = chain([heads], repeat((view.view_id, view.digest)))
    for line, end in zip(lines, ends, strict=False):
        yield [*line, *end]


async def file(kind: str, name: str, lines: list[list[Value]]) -> Response:
    """Return the response with a table as a file to download.

    Args:
        kind: a key of `KINDS`.
        name: name of the file without suffix.
        lines: headings and rows.
    """
    # A workbook takes tens of milliseconds, in which others are answered.
    content = await asyncio.to_thread(as_csv if kind == "csv" else as_xlsx, lines)
    disposition = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(content, media_type=KINDS[kind], headers=disposition)


def _lines(page: Page, found: Board) -> Iterator[list[Value]]:
    columns = ("unit", "name", "indicator", "indicator_name", "counted_in", "from", "to")
    figures = ("verified", "declared", "target", "expected", "forecast", "standing")
    judged = ("judged_on", "judged", "forecast_low", "forecast_high")
    names = (*columns, *figures, "view", "digest", *judged)
    changes = ("table.month_before", "table.year_before")
    yield [*(page.text(f"column.{name}") for name in names), *map(page.text, changes)]
    for row in found.rows:
        for figure, trend in zip_longest(row.figures, row.trends):
            yield [
                figure.unit_id,
                found.catalogue.unit_name(figure.unit_id, page.lang),
                row.code,
                row.name,
                page.word("counted_in", row.unit),
                found.period.first,
                found.period.last,
                *_values(page, figure),
                found.view.view_id,
                found.view.digest,
                *_judged(figure),
                *((plain(trend.month_before), plain(trend.year_before)) if trend else (None, None)),
            ]


def standing_word(page: Page, figure: Figure) -> str:
    """Return the standing of a figure in the language of the page; empty if it has none."""
    name = "missed_word" if figure.outcome == MISSED else figure.outcome
    return page.text(f"standing.{name}") if name else ""


def _values(page: Page, figure: Figure) -> Iterator[Value]:
    numbers = (figure.verified, figure.declared, figure.target, figure.expected, figure.forecast)
    yield from map(plain, numbers)
    yield standing_word(page, figure)


def _judged(figure: Figure) -> Iterator[Value]:
    yield from (figure.on, figure.judged)
    yield from figure.forecast_range or (None, None)


def plain(number: str | Number | None) -> Value:
    """Return a number as files contain it: a fraction as a float, others unchanged, also None."""
    return float(number) if isinstance(number, Fraction) else number


def as_csv(lines: list[list[Value]]) -> bytes:
    """Return a table as CSV in UTF-8, with a byte order mark for spreadsheets.

    An apostrophe is put before texts that a spreadsheet would take for a formula; None is an empty
    cell.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    for line in lines:
        writer.writerow([f"'{v}" if isinstance(v, str) and v[:1] in DANGEROUS else v for v in line])
    return "\ufeff".encode() + text.getvalue().encode()


def as_xlsx(lines: list[list[Value]]) -> bytes:
    """Return a table as a workbook of one sheet; the same table gives the same bytes.

    Texts are never taken for formulas, and the first line is bold; None is an empty cell. A text
    that is too long for a cell is cut, as the library would leave it out.
    """
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
    sheet, bold = book.add_worksheet("kieng"), book.add_format({"bold": True})
    for at, line in enumerate(lines):
        for column, value in enumerate(line):
            if isinstance(value, str):
                shown = value if len(value) <= TEXT_MAX else f"{value[: TEXT_MAX - 1]}…"
                sheet.write_string(at, column, shown, bold if at == 0 else None)
            elif isinstance(value, int) and abs(value) >= EXACT_BELOW:
                sheet.write_string(at, column, str(value))
            elif value is not None:
                sheet.write_number(at, column, value)
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    book.close()
    return content.getvalue()
