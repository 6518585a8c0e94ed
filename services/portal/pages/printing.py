"""A report of one unit, as a page to print and as a PDF, CSV or XLSX file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from services.documents.codes import ADDRESS_BYTES_MAX, path
from services.documents.page import Bar, Section
from services.documents.page import Page as Sheet
from services.documents.page import Row as Line
from services.portal.catalogues import HOUSES, Catalogue
from services.portal.domain.figures import Figure
from services.portal.numbers import NOTHING, percent, short
from services.portal.pages.board import Row
from services.portal.pages.summaries import Summary
from services.portal.pages.summary_tables import (
    movers_lines,
    parts_lines,
    standing_sentence,
    summary_sections,
)
from services.portal.pages.tables import Value, file, plain, stamped, standing_word
from services.portal.site import Page

PDF = "application/pdf"
TABLES = ("parts", "movers")
"""Names of the tables of the summary, which are files of their own."""


@dataclass(frozen=True)
class Report:
    """The figures of one unit over a period, in the language of the page.

    Args:
        unit_name: name of the unit.
        first: first month, `YYYY-MM`.
        last: last month, included.
    """

    unit_name: str
    first: str
    last: str
    houses: Sequence[tuple[str, Sequence[Row]]]
    """(House, its indicators), each indicator with one figure, that of the unit."""
    sources: Sequence[tuple[str, str]]
    """(Label, value) of what the numbers were computed from; the last is the URL of the report."""
    made_at: datetime | None
    """Date of creation in the metadata of a PDF file; None before the first event."""
    name: str
    """Name of the files, without suffix."""
    summary: Summary | None = None
    """Ranking of the units below, and what changed most; None for closed and longer periods."""
    catalogue: Catalogue | None = None
    """Names of what the summary is about."""

    @property
    def rows(self) -> Sequence[Row]:
        """The indicators of all houses, in the order of the page."""
        return [row for _, rows in self.houses for row in rows]

    @property
    def is_judged(self) -> bool:
        """Whether any figure has a standing or a forecast; those of a closed period have none."""
        return any(row.figures[0].standing or row.figures[0].forecast for row in self.rows)

    @property
    def address(self) -> str:
        """The whole URL of the report; empty if only its path is known, or no code can hold it."""
        url = self.sources[-1][1]
        # Requests may name any host.
        is_too_long = len(url.encode()) > ADDRESS_BYTES_MAX
        return "" if url.startswith("/") or is_too_long else url

    @property
    def code(self) -> tuple[int, str]:
        """Width and path of the QR code of the address; see `services.documents.codes.path`."""
        return path(self.address)


def by_house(catalogue: Catalogue, rows: Sequence[Row]) -> Sequence[tuple[str, Sequence[Row]]]:
    """Return (house, its rows) for each house that has some; `all` is the last one."""
    house = {row.code: catalogue.indicators[row.code].house for row in rows}
    groups = ((name, [row for row in rows if house[row.code] == name]) for name in (*HOUSES, "all"))
    return [(name, own) for name, own in groups if own]


def source(page: Page, origin: str, path: str, **query: str) -> tuple[str, str]:
    """Return the label and the URL of a report, as the last of its sources.

    Args:
        page: the page, for its language.
        origin: origin of the portal; if it is empty, the URL is a path on this site.
        path: path of the report.
        query: parameters of the URL.
    """
    return page.text("report.address"), f"{origin.rstrip('/')}{page.href(path, **query)}"


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
        table = page.query.get("table", "")
        lines = _summary_lines(page, report, table) if table in TABLES else _lines(page, report)
        return await file(kind, f"{report.name}{f'-{table}' if table in TABLES else ''}", [*lines])
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

    It has a table for each house with a row for each of its indicators, and then those of the
    summary, if it has one.
    """
    columns = [(page.text("table.indicator"), False)]
    keys = ("measure.verified", "measure.declared", "column.target", "report.part", "report.bar")
    columns += [(page.text(key), key != "report.bar") for key in keys]
    if report.is_judged:
        columns += [(page.text("column.forecast"), True), (page.text("column.standing"), False)]
    sections = [
        Section(
            page.text(f"house.{house}"),
            columns,
            [_line(page, row, report.is_judged) for row in rows],
            range(len(columns)),
            5,
        )
        for house, rows in report.houses
    ]
    summary = ""
    if report.summary and report.catalogue:
        tables = summary_sections(page, report.summary, report.catalogue)
        sections += [section for _, section in tables]
        summary = standing_sentence(page, report.summary, report.catalogue)
    frame = [f"{label}: {value}" for label, value in report.sources]
    title = f"{report.unit_name}, {report.first} – {report.last}"  # noqa: RUF001
    return Sheet(title, summary, sections, frame, report.made_at, report.address)


def _line(page: Page, row: Row, is_judged: bool) -> Line:
    figure, lang = row.figures[0], page.lang
    part = NOTHING if figure.attainment is None else percent(figure.attainment, lang)
    kind = page.text(f"kind.{row.unit}")
    texts = [
        f"{row.code} {row.name}{f' ({kind})' if kind else ''}",
        *(short(n, row.unit, lang) for n in (figure.verified, figure.declared, figure.target)),
        part,
        "",
    ]
    if is_judged:
        texts += [_forecast(page, row, figure), _standing(page, figure)]
    bar = None
    if figure.attainment is not None:
        bar = Bar(figure.attainment, figure.pace, figure.standing)
    return Line(texts, bar)


def _forecast(page: Page, row: Row, figure: Figure) -> str:
    shown = short(figure.whole_forecast, row.unit, page.lang)
    if figure.whole_forecast is None or figure.forecast_range is None:
        return shown
    low, high = (short(each, row.unit, page.lang) for each in figure.forecast_range)
    return f"{shown} {page.text('figure.range', low=low, high=high)}"


def _standing(page: Page, figure: Figure) -> str:
    if not figure.standing:
        return NOTHING
    return standing_word(page, figure)


def _summary_lines(page: Page, report: Report, table: str) -> Iterator[list[Value]]:
    """Yield headings and rows of a table of the summary, as numbers, with the view of each."""
    if report.summary is None or report.catalogue is None:
        return
    lines = parts_lines if table == "parts" else movers_lines
    yield from stamped(page, lines(page, report.summary, report.catalogue), report.summary.view)


def _lines(page: Page, report: Report) -> Iterator[list[Value]]:
    """Yield headings and figures, as numbers, and below them what they were computed from."""
    names = ("indicator", "indicator_name", "counted_in", "verified", "declared", "target")
    headings = (page.text(f"column.{name}") for name in names)
    judged = ("forecast", "forecast_low", "forecast_high", "standing") if report.is_judged else ()
    yield [
        *(*headings, page.text("report.part"), page.text("house.title")),
        *(page.text(f"column.{name}") for name in judged),
    ]
    for house, rows in report.houses:
        for row in rows:
            figure = row.figures[0]
            numbers = (figure.verified, figure.declared, figure.target, figure.attainment)
            name = page.text(f"house.{house}")
            counted_in = page.word("counted_in", row.unit)
            line: list[Value] = [row.code, row.name, counted_in, *map(plain, numbers), name]
            if report.is_judged:
                line += [
                    figure.whole_forecast,
                    *(figure.forecast_range or (None, None)),
                    standing_word(page, figure),
                ]
            yield line
    yield []
    for about in ((report.unit_name, f"{report.first} – {report.last}"), *report.sources):  # noqa: RUF001
        yield list(about)
