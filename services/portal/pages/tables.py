"""The board as a file: the same numbers in the same order, with view id and digest."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import xlsxwriter
from starlette.responses import Response

from services.kernel.errors import NotFound
from services.portal.domain.figures import Figure, Number
from services.portal.pages.board import Board, board
from services.portal.site import Page

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")
Value = str | int | float | None


async def table(page: Page) -> Response:
    """Answer `/tables/board.csv` and `/tables/board.xlsx`.

    Raises:
        Refused: the caller may not read.
        NotFound: there is no such unit.
        InvalidArgument: the link names no period.
    """
    if (wanted := page.request.path_params["kind"]) not in KINDS:
        raise NotFound(page.text("refused.no_page"))
    catalogue = await page.site.catalogues.live(page.session.token)
    units = page.query.getlist("unit")[:100]
    if not units:
        units = [catalogue.root, *(each.unit_id for each in catalogue.children(catalogue.root))]
    prefix = page.query.get("prefix", "")[:6]
    found = await board(page, catalogue, units, prefix)
    name = f"kieng-{found.house}-{found.period.first}-{found.period.last}"
    return await file(wanted, name, list(_lines(page, found)))


async def wanted_file(page: Page, name: str, lines: Iterable[Sequence[Value]]) -> Response | None:
    """Return the table of a page as a file if its link asks for one by `file`, else None.

    Args:
        page: the page.
        name: name of the file without its ending.
        lines: heading and rows.
    """
    kind = page.query.get("file", "")
    return await file(kind, name, [list(line) for line in lines]) if kind in KINDS else None


async def file(kind: str, name: str, lines: list[list[Value]]) -> Response:
    """Return a table as a file of one of `KINDS`."""
    # A workbook takes tens of milliseconds, in which others are answered.
    content = await asyncio.to_thread(as_csv if kind == "csv" else as_xlsx, lines)
    disposition = {"content-disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(content, media_type=KINDS[kind], headers=disposition)


def _lines(page: Page, found: Board) -> Iterator[list[Value]]:
    columns = ("unit", "name", "indicator", "indicator_name", "counted_in", "from", "to")
    figures = ("verified", "declared", "target", "expected", "forecast", "standing")
    judged = ("judged_on", "judged", "forecast_low", "forecast_high")
    yield [page.text(f"column.{name}") for name in (*columns, *figures, "view", "digest", *judged)]
    for row in found.rows:
        for figure in row.figures:
            yield [
                figure.unit_id,
                found.catalogue.unit_name(figure.unit_id, page.lang),
                row.code,
                row.name,
                row.unit,
                found.period.first,
                found.period.last,
                *_values(figure),
                found.view.view_id,
                found.view.digest,
                *_judged(figure),
            ]


def _values(figure: Figure) -> Iterator[Value]:
    numbers = (figure.verified, figure.declared, figure.target, figure.expected, figure.forecast)
    yield from map(plain, numbers)
    yield figure.standing


def _judged(figure: Figure) -> Iterator[Value]:
    yield from (figure.on, figure.judged)
    yield from figure.forecast_range or (None, None)


def plain(number: Number | None) -> Value:
    """Return a number as files have it."""
    return number if number is None or isinstance(number, int) else float(number)


def as_csv(lines: list[list[Value]]) -> bytes:
    """Return lines as CSV that spreadsheets open as Unicode and never as formulas."""
    text = io.StringIO()
    writer = csv.writer(text)
    for line in lines:
        writer.writerow([f"'{v}" if isinstance(v, str) and v[:1] in DANGEROUS else v for v in line])
    return "\ufeff".encode() + text.getvalue().encode()


def as_xlsx(lines: list[list[Value]]) -> bytes:
    """Return lines as a workbook of one sheet; the same lines give the same bytes."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})
    sheet, bold = book.add_worksheet("kieng"), book.add_format({"bold": True})
    for at, line in enumerate(lines):
        for column, value in enumerate(line):
            if isinstance(value, str):
                sheet.write_string(at, column, value, bold if at == 0 else None)
            elif value is not None:
                sheet.write_number(at, column, value)
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    book.close()
    return content.getvalue()
