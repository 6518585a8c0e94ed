"""Writes a report as a PDF file: A4 pages in landscape, with embedded fonts for Vietnamese."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from fpdf import FPDF

from services.documents import FONTS
from services.documents.codes import bars
from services.documents.html import WIDTH, at
from services.documents.page import Bar, Page, Row, Section

FONT = "Be Vietnam Pro"
MARGIN = 12.0
BAR_LENGTH = 26.0
"""Length in mm of a bar that reaches its target."""
LINE, SMALL = 4.4, 8.5
WORD_MAX = 90.0
"""Widest column in mm that a long text asks for."""
INK, SOFT, RULE, TRACK = (29, 27, 24), (95, 90, 82), (221, 216, 207), (233, 228, 218)
CODE_SIZE = 26.0
"""Width and height in mm of the code that leads back to the page."""
COLOURS = {"reached": (27, 107, 74), "on_pace": (75, 107, 138), "behind": (163, 36, 31)}
SIGNS = str.maketrans("", "", "✓●▼")
"""Deletes symbols that the fonts lack; the words next to them say the same."""


def pdf_bytes(page: Page, lang: str) -> bytes:
    """Return a report as a PDF file; the same page gives the same bytes.

    Args:
        page: the report.
        lang: language of its texts, `vi` or `en`; goes into the metadata of the file.
    """
    sheet = _Sheet(orientation="landscape", format="A4")
    # The date of the newest event instead of now: the bytes depend on nothing but the report.
    sheet.set_creation_date(page.newest_at or datetime(1970, 1, 1, tzinfo=UTC))
    sheet.set_lang(lang)
    sheet.set_title(page.title)
    sheet.add_font(FONT, "", FONTS / "BeVietnamPro-Regular.ttf")
    sheet.add_font(FONT, "B", FONTS / "BeVietnamPro-SemiBold.ttf")
    sheet.set_margin(MARGIN)
    sheet.set_auto_page_break(True, MARGIN)
    sheet.add_page()
    sheet.sentence(page.title, 17, "B")
    sheet.sentence(page.summary, 11)
    for section in page.sections:
        sheet.section(section)
    sheet.ln(3)
    if page.address:
        sheet.code(page.address)
    for line in page.frame:
        sheet.sentence(line, 7.5, colour=SOFT)
    return bytes(sheet.output())


class _Sheet(FPDF):
    """The PDF document of one report while it is written."""

    def sentence(
        self, text: str, size: float, style: str = "", colour: tuple[int, int, int] = INK
    ) -> None:
        """Write a text over the whole width of the page, and move below it.

        Args:
            text: the text; long ones are wrapped.
            size: size of the font in points.
            style: empty for regular, `B` for bold.
            colour: red, green and blue, each 0 to 255.
        """
        self.set_font(FONT, style, size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.5, _printable(text), new_x="LMARGIN", new_y="NEXT")
        self.ln(1)

    def section(self, section: Section) -> None:
        """Write a table with its heading and its note."""
        self.ln(2)
        self._room(4 * LINE)
        self.sentence(section.title, 11, "B")
        widths = self._widths(section)
        self._row(section, widths, Row([heading for heading, _ in section.columns]), "B")
        for row in section.rows:
            self._row(section, widths, row)
        if section.note:
            self.sentence(section.note, 7.5, colour=SOFT)

    def code(self, address: str) -> None:
        """Draw the QR code of an address at the right edge; what follows stays left of it."""
        self._room(CODE_SIZE)
        width, found = bars(address)
        size = CODE_SIZE / width
        left, top = self.w - self.r_margin - CODE_SIZE, self.get_y()
        self.set_fill_color(0, 0, 0)
        for x, y, length in found:
            self.rect(left + x * size, top + y * size, length * size, size, style="F")
        self.set_right_margin(MARGIN + CODE_SIZE)

    def _widths(self, section: Section) -> list[float]:
        """Return the width of each column in mm.

        Every column is wide enough for its longest word; what is left is shared among those with
        longer texts.
        """
        self.set_font(FONT, "B", SMALL)
        columns = zip(*(row.texts for row in section.rows), strict=True)
        least, wanted = [], []
        for number, ((heading, _), texts) in enumerate(zip(section.columns, columns, strict=True)):
            if number == section.bar_column:
                least.append(BAR_LENGTH * 5 / 4 + 3)
                wanted.append(least[-1])
                continue
            words = [word for text in (heading, *texts) for word in _printable(text).split()]
            least.append(max((self.get_string_width(word) for word in words), default=0) + 3)
            whole = max(self.get_string_width(_printable(text)) for text in (heading, *texts)) + 3
            wanted.append(max(least[-1], min(whole, WORD_MAX)))
        left = max(0.0, self.epw - sum(least))
        missing = sum(wanted) - sum(least)
        part = min(1.0, left / missing) if missing else 0.0
        return [few + (many - few) * part for few, many in zip(least, wanted, strict=True)]

    def _row(self, section: Section, widths: Sequence[float], row: Row, style: str = "") -> None:
        self.set_font(FONT, style, SMALL)
        self.set_text_color(*(SOFT if style else INK))
        texts = [_printable(text) for text in row.texts]
        lines = [
            cast(list[str], self.multi_cell(width, LINE, text, dry_run=True, output="LINES"))
            for width, text in zip(widths, texts, strict=True)
        ]
        height = max(map(len, lines)) * LINE + 1.6
        self._room(height)
        x, y = self.l_margin, self.get_y()
        for number, (width, text) in enumerate(zip(widths, texts, strict=True)):
            align = "R" if section.columns[number][1] else "L"
            self.set_xy(x, y + 0.8)
            self.multi_cell(width, LINE, text, align=align)
            if number == section.bar_column and row.bar is not None:
                self._bar(x + 1, y + 1.6, row.bar)
            x += width
        self.set_draw_color(*RULE)
        self.line(self.l_margin, y + height, x, y + height)
        self.set_xy(self.l_margin, y + height)

    def _bar(self, x: float, y: float, bar: Bar) -> None:
        ends, mark = at(bar)
        scale = BAR_LENGTH / WIDTH
        for colour, length, inset in (
            (TRACK, float(WIDTH), 0.0),
            (COLOURS.get(bar.standing, SOFT), ends, 0.7),
        ):
            self.set_fill_color(*colour)
            if length:
                self.rect(x, y + inset, length * scale, 3 - 2 * inset, style="F")
        if mark is not None:
            self.set_fill_color(*INK)
            self.rect(x + mark * scale, y - 0.4, 0.4, 3.8, style="F")

    def _room(self, height: float) -> None:
        """Begin a new page if less than the given height in mm is left on this one."""
        if self.get_y() + height > self.h - self.b_margin:
            self.add_page()


def _printable(text: str) -> str:
    return text.translate(SIGNS).strip()
