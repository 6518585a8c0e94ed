"""A report of one unit, as a page to print and as a PDF, CSV or XLSX file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from services.documents.page import Bar, Section
from services.documents.page import Page as Sheet
from services.documents.page import Row as Line
from services.portal.domain.figures import Figure
from services.portal.numbers import NOTHING, full, percent
from services.portal.pages.board import Row
from services.portal.pages.tables import Value, file, plain
from services.portal.site import Page

PDF = "application/pdf"
COLUMNS = ("verified", "declared", "target", "reached", "forecast", "standing")


@dataclass(frozen=True)
class Report:
    """The figures of one unit over a period, in the language of the page.

    Args:
        unit_name: name of the unit.
        house: house whose indicators the report has, e.g. `university`.
        first: first month, `YYYY-MM`.
        last: last month, included.
    """

    unit_name: str
    house: str
    first: str
    last: str
    rows: Sequence[Row]
    """Indicators with one figure each, that of the unit."""
    sources: Sequence[tuple[str, str]]
    """(Label, value) of what the numbers were computed from; the last is the URL of the report."""
    made_at: datetime | None
    """Date of creation in the metadata of a PDF file; None before the first event."""
    name: str
    """Name of the files, without suffix."""

    @property
    def is_judged(self) -> bool:
        """Whether any figure has a standing or a forecast; those of a closed period have none."""
        return any(row.figures[0].standing or row.figures[0].forecast for row in self.rows)


def source(page: Page, path: str, **query: str) -> tuple[str, str]:
    """Return the label and the URL of a report, as the last of its sources.

    The URL is absolute if `public_url` is set, else a path on this site.

    Args:
        page: the page, for its language.
        path: path of the report.
        query: parameters of the URL.
    """
    address = f"{page.site.settings.public_url.rstrip('/')}{page.href(path, **query)}"
    return page.text("report.address"), address


async def wanted_document(page: Page, report: Report) -> Response | None:
    """Return a report as the file that parameter `file` requests: `pdf`, `csv` or `xlsx`.

    None if it requests none or an unknown one. The same report in the same language gives the same
    bytes.

    Args:
        page: the page.
        report: the report.
    """
    kind = page.query.get("file", "")
    if kind in ("csv", "xlsx"):
        return await file(kind, report.name, list(_lines(page, report)))
    if kind != "pdf":
        return None
    # One at a time, on a worker thread: a PDF costs as much time as a hundred pages.
    async with page.site.printing:
        content = await asyncio.to_thread(_pdf, sheet(page, report), page.lang.value)
    disposition = {"content-disposition": f'attachment; filename="{report.name}.pdf"'}
    return Response(content, media_type=PDF, headers=disposition)


def _pdf(made: Sheet, lang: str) -> bytes:
    # Imported late: the import takes longer than a page.
    from services.documents.pdf import pdf_bytes

    return pdf_bytes(made, lang)


def sheet(page: Page, report: Report) -> Sheet:
    """Return a report laid out for `services.documents`, with texts in the language of the page.

    It has one table with a row for each indicator; none if the report has no indicators.
    """
    columns = [(page.text("table.indicator"), False)]
    keys = ("measure.verified", "measure.declared", "column.target", "report.part", "report.bar")
    columns += [(page.text(key), key != "report.bar") for key in keys]
    if report.is_judged:
        columns += [(page.text("column.forecast"), True), (page.text("column.standing"), False)]
    rows = [_line(page, row, report.is_judged) for row in report.rows]
    table = Section(page.text("report.title"), columns, rows, range(len(columns)), 5)
    frame = [f"{label}: {value}" for label, value in report.sources]
    title = f"{report.unit_name}, {report.first} – {report.last}"  # noqa: RUF001
    summary = page.text(f"house.{report.house}")
    return Sheet(title, summary, [table] if rows else [], frame, report.made_at)


def _line(page: Page, row: Row, is_judged: bool) -> Line:
    figure, lang = row.figures[0], page.lang
    part = NOTHING if figure.attainment is None else percent(figure.attainment, lang)
    kind = page.text(f"kind.{row.unit}")
    texts = [
        f"{row.code} {row.name}{f' ({kind})' if kind else ''}",
        *(full(n, row.unit, lang) for n in (figure.verified, figure.declared, figure.target)),
        part,
        "",
    ]
    if is_judged:
        texts += [_forecast(page, row, figure), _standing(page, row, figure)]
    bar = None
    if figure.attainment is not None:
        bar = Bar(figure.attainment, figure.pace, figure.standing)
    return Line(texts, bar)


def _forecast(page: Page, row: Row, figure: Figure) -> str:
    if figure.forecast is None or figure.is_over:
        return NOTHING
    shown = full(round(figure.forecast), row.unit, page.lang)
    if figure.forecast_range is None:
        return shown
    low, high = (full(each, row.unit, page.lang) for each in figure.forecast_range)
    return f"{shown} {page.text('figure.range', low=low, high=high)}"


def _standing(page: Page, row: Row, figure: Figure) -> str:
    if not figure.standing:
        return NOTHING
    value, target = (full(each, row.unit, page.lang) for each in (figure.judged, figure.target))
    return page.text(f"standing.{figure.outcome}", value=value, target=target)


def _lines(page: Page, report: Report) -> Iterator[list[Value]]:
    """Yield headings and figures, as numbers, and below them what they were computed from."""
    names = ("indicator", "indicator_name", "counted_in", "verified", "declared", "target")
    yield [*(page.text(f"column.{name}") for name in names), page.text("report.part")]
    for row in report.rows:
        figure = row.figures[0]
        numbers = (figure.verified, figure.declared, figure.target, figure.attainment)
        yield [row.code, row.name, row.unit, *map(plain, numbers)]
    yield []
    for line in ((report.unit_name, f"{report.first} – {report.last}"), *report.sources):  # noqa: RUF001
        yield list(line)
