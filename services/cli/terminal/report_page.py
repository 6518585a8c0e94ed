"""Lays out a report as sections of rows, the same for the terminal and for documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from rich.console import Group, RenderableType

from kieng.kpi.v1 import kpi_service_pb2
from services.cli.terminal.amounts import fraction_of, short_text, signed_text
from services.cli.terminal.frame import age_text, newest_text, period_text, position_text
from services.cli.terminal.kpi_tables import Names, is_over
from services.cli.terminal.pictures import bullet
from services.cli.terminal.render import (
    NOTHING,
    Shown,
    decimal_text,
    hundredths_text,
    iso_day_text,
    number_text,
    percent_text,
    with_sign,
)
from services.cli.terminal.screen import Output, Screen
from services.cli.terminal.tables import WholeTable
from services.cli.terminal.target_tables import TargetTexts, parts_of, standing_of
from services.documents.page import Bar, Page, Row, Section

COLUMNS_MAX = 6
"""Maximum number of indicators in the table of children: those that need most attention."""
MOVERS_MAX = 10
BAR = "bar"


class ReportLayout:
    """Lays out the answer of GetReport as a page.

    Args:
        screen: language of the texts.
        names: names of units and indicators.
        answer: the report.
        exact: whether amounts of money are written with every dong.
        is_document: whether the page is kept as a file, so that it gives times instead of ages.
    """

    def __init__(
        self,
        screen: Screen,
        names: Names,
        answer: kpi_service_pb2.GetReportResponse,
        exact: bool,
        is_document: bool = False,
    ) -> None:
        self._screen = screen
        self._names = names
        self._is_document = is_document
        self._answer = answer
        self._exact = exact
        self._texts = TargetTexts(screen, names, exact)
        self._is_reading = not answer.view.HasField("newest_event_at")

    def page(self) -> Page:
        """Return the report as a page: title, summary, sections and the source of the numbers.

        The sections are targets, children ranked, and what moved most; one without rows is left
        out.
        """
        answer, text = self._answer, self._screen.text
        standings = [standing_of(cell) for cell in answer.targets]
        counts = {name: standings.count(name) for name in ("reached", "on_pace", "behind")}
        sections = [self._targets(), self._children(), self._movers()]
        unit = self._names.units.get(answer.unit_id, answer.unit_id)
        period = period_text(answer.from_month, answer.to_month)
        paces = [cell.pace for cell in answer.targets if cell.HasField("pace")]
        ended = "report.summary_of_past" if paces and all(map(is_over, paces)) else "report.summary"
        key = "report.reading" if self._is_reading else ended
        return Page(
            text("report.title", unit=unit, period=period),
            text(key, targets=len(standings), **counts),
            [section for section in sections if section.rows],
            self._frame(),
            None if self._is_reading else answer.view.newest_event_at.ToDatetime(tzinfo=UTC),
        )

    def _frame(self) -> list[str]:
        answer, text = self._answer, self._screen.text
        view = answer.view
        position = position_text(view)
        days = sorted({cell.pace.on_date for cell in answer.targets if cell.HasField("pace")})
        lines = [
            text("report.view", view=view.view_id, position=position, digest=view.digest),
        ]
        is_aging = self._is_reading or not self._is_document
        lines.append((age_text if is_aging else newest_text)(self._screen, view))
        if days:
            lines.append(text("report.judged", day=iso_day_text(days[-1], self._screen.lang)))
        return lines

    def _columns(self, *keys: str) -> list[tuple[str, bool]]:
        return [
            (self._screen.text("heading." + key.removeprefix(">")), key.startswith(">"))
            for key in keys
        ]

    def _targets(self) -> Section:
        texts, keys = self._texts, ("indicator", "name", ">value", ">target", ">attained", BAR)
        rows = []
        for cell in self._answer.targets:
            parts = parts_of(cell)
            line = (
                cell.indicator_code,
                self._names.indicators.get(cell.indicator_code, ""),
                texts.judged(cell),
                texts.amount(cell, cell.target),
                texts.attainment(cell),
                "",
                texts.standing(cell, self._is_reading),
                texts.forecast(cell),
                texts.error(cell),
            )
            rows.append(Row(line, Bar(*parts, standing_of(cell)) if parts else None))
        columns = self._columns(*keys, "standing", ">forecast", ">past_error")
        has_no_past = all(row.texts[-1] == NOTHING for row in rows)
        return Section(
            self._screen.text("report.targets"),
            columns[: len(columns) - has_no_past],
            [Row(row.texts[: len(columns) - has_no_past], row.bar) for row in rows],
            (0, 1, 2, 3, keys.index(BAR) + 1),
            keys.index(BAR),
            self._screen.text(f"report.targets_note{'' if has_no_past else '_of_past'}"),
        )

    def _children(self) -> Section:
        answer, lang = self._answer, self._screen.lang
        shown = [cell.indicator_code for cell in answer.targets[:COLUMNS_MAX]]
        rows = []
        for number, child in enumerate(answer.children, start=1):
            values = {value.indicator_code: value.verified for value in child.values}
            counts = (child.reached, child.on_pace, child.behind)
            ratios = (
                child.attainment if child.HasField("attainment") else None,
                child.share if child.HasField("share") else None,
            )
            rows.append(
                Row(
                    [
                        str(number),
                        self._names.units.get(child.unit_id, child.unit_id),
                        *(
                            NOTHING
                            if ratio is None
                            else percent_text(ratio.numerator / ratio.denominator, lang)
                            for ratio in ratios
                        ),
                        " / ".join(map(str, counts)) if any(counts) else NOTHING,
                        *(
                            short_text(values[code], self._unit(code), lang, self._exact)
                            for code in shown
                        ),
                    ]
                )
            )
        columns = self._columns(">rank", "unit", ">attained", ">contributed", "standings")
        return Section(
            self._screen.text("report.children"),
            [*columns, *((code, True) for code in shown)],
            rows,
            range(len(columns)),
            note=self._screen.text("report.children_note"),
        )

    def _movers(self) -> Section:
        answer, lang = self._answer, self._screen.lang
        rows = []
        for mover in answer.movers[:MOVERS_MAX]:
            code, unit = mover.indicator_code, self._unit(mover.indicator_code)
            rows.append(
                Row(
                    [
                        code,
                        self._names.indicators.get(code, ""),
                        short_text(mover.before, unit, lang, self._exact),
                        short_text(mover.now, unit, lang, self._exact),
                        self._change(mover, unit),
                    ]
                )
            )
        before = period_text(answer.before_from_month, answer.before_to_month)
        more = len(answer.movers) - len(rows)
        return Section(
            self._screen.text("report.movers", before=before),
            self._columns("indicator", "name", ">before", ">now", ">change"),
            rows,
            range(5),
            note=self._screen.text("report.more", more=number_text(more, lang)) if more else "",
        )

    def _change(self, mover: kpi_service_pb2.Mover, unit: str) -> str:
        lang = self._screen.lang
        if mover.now.HasField("whole"):
            change = mover.now.whole - mover.before.whole
            return signed_text(change, unit, lang, self._exact)
        now, before = fraction_of(mover.now), fraction_of(mover.before)
        if now is None or before is None:
            return NOTHING
        difference = float(now - before)
        if unit != "percent":
            return with_sign(hundredths_text(difference, lang))
        points = with_sign(decimal_text(difference * 100, lang))
        return Shown(self._screen.text("report.points", points=points), difference)

    def _unit(self, code: str) -> str:
        return self._names.units_of_value.get(code, "")


def report_tables(screen: Screen, page: Page) -> RenderableType:
    """Return a report for the terminal: its sentences, and a table for each section.

    Columns that are not essential are left out, from the right, if the screen is too narrow. In
    formats for data the bars are left out, and a workbook also has the sentences as a table.
    """
    frame = [page.title, page.summary, *page.frame]
    shown: list[RenderableType] = [*frame, ""]
    is_data = screen.output in (Output.csv, Output.xlsx)
    if screen.output is Output.xlsx:
        # A workbook is passed on without the sentences on stderr, so it contains them as well.
        about = screen.table("report")
        for line in frame:
            about.add_row(line)
        shown.append(about)
    for section in page.sections:
        # A bar is a picture and no value.
        numbers = range(len(section.columns))
        kept = [number for number in numbers if not (is_data and number == section.bar_column)]
        table = _table(screen, section, kept)
        spare = [number for number in kept if number not in section.main]
        while spare and screen.output is Output.table and not table.fits(screen.answers.width):
            kept.remove(spare.pop())
            table = _table(screen, section, kept)
        # The explanation of the bars is of no use without them.
        is_explained = section.note and section.bar_column in (-1, *kept)
        shown += [table, section.note, ""] if is_explained else [table, ""]
    return Group(*shown)


def _table(screen: Screen, section: Section, kept: Sequence[int]) -> WholeTable:
    table = screen.table(title=section.title)
    for heading, is_number in (section.columns[number] for number in kept):
        table.add_column(heading, justify="right" if is_number else "left", overflow="fold")
    for row in section.rows:
        texts = list(row.texts)
        if row.bar is not None:
            texts[section.bar_column] = bullet(row.bar.reached, row.bar.expected)
        table.add_row(*(texts[number] for number in kept))
    return table
