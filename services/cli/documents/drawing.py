"""Lays out a plot of monthly values as lines and texts, which are then written as SVG or PNG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from services.cli.terminal.plots import Panel, Plot, Series

Point = tuple[float, float]

PANEL_WIDTH, PANEL_HEIGHT, COLUMNS_MAX = 480, 300, 3
MARGIN, HEAD, FOOT, AXIS = 20, 70, 34, 64
"""Space in pixels: around everything, above all panels, below them, and left of each panel."""
PANEL_HEAD, PANEL_FOOT = 46, 24
INK, SOFT, RULE = "#1d1b18", "#5f5a52", "#ddd8cf"
VERIFIED, EXPECTED, TARGET = "#1b6b4a", "#4b6b8a", "#a3241f"
LEVELS = 4
"""Approximate number of steps into which an axis is divided."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, in pixels from the upper left corner."""

    points: Sequence[Point]
    colour: str
    width: float = 1
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A text whose baseline starts at a point or, with ``is_right``, ends there."""

    x: float
    y: float
    text: str
    size: int = 11
    colour: str = SOFT
    is_right: bool = False
    is_bold: bool = False


@dataclass(slots=True)
class Drawing:
    """A drawing of lines and texts; sizes are in pixels, and earlier elements are drawn first."""

    width: int
    height: int
    lines: list[Line] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


def draw(plot: Plot) -> Drawing:
    """Return a plot as a drawing, with at most `COLUMNS_MAX` panels side by side.

    A single panel has the width of two. Panels follow each other by rows, in the order of the plot.
    """
    columns = min(COLUMNS_MAX, max(2, len(plot.panels)))
    rows = ceil(len(plot.panels) / columns)
    sheet = Drawing(
        columns * PANEL_WIDTH + 2 * MARGIN,
        rows * PANEL_HEIGHT + HEAD + FOOT + 14 * len(plot.frame),
    )
    sheet.texts.append(Text(MARGIN, MARGIN + 12, plot.title, 18, INK, is_bold=True))
    _legend(sheet, plot.legend)
    width = PANEL_WIDTH if len(plot.panels) > 1 else columns * PANEL_WIDTH
    for number, panel in enumerate(plot.panels):
        row, column = divmod(number, columns)
        corner = (MARGIN + column * PANEL_WIDTH, HEAD + row * PANEL_HEIGHT)
        _panel(sheet, plot, panel, corner, width)
    for number, told in enumerate(plot.frame):
        y = sheet.height - MARGIN - 14 * (len(plot.frame) - 1 - number)
        sheet.texts.append(Text(MARGIN, y, told))
    return sheet


def _legend(sheet: Drawing, names: tuple[str, str, str]) -> None:
    x, y = float(MARGIN), MARGIN + 38.0
    for name, (colour, width, is_dashed) in zip(
        names, ((VERIFIED, 3, False), (EXPECTED, 1.5, True), (TARGET, 1.5, False)), strict=True
    ):
        sheet.lines.append(Line([(x, y - 4), (x + 28, y - 4)], colour, width, is_dashed))
        sheet.texts.append(Text(x + 34, y, name, 12, INK))
        x += 64 + 8 * len(name)


def _panel(sheet: Drawing, plot: Plot, panel: Panel, corner: Point, width: int) -> None:
    left, top = corner[0] + AXIS, corner[1] + PANEL_HEAD
    right, bottom = corner[0] + width - MARGIN, corner[1] + PANEL_HEIGHT - PANEL_FOOT - 12
    sheet.texts.append(Text(corner[0], corner[1] + 14, panel.title, 14, INK, is_bold=True))
    sheet.texts.append(Text(corner[0], corner[1] + 32, panel.note, 12))
    marks = levels([*panel.values, *panel.expected, panel.target])
    span = marks[-1] - marks[0]
    step = (right - left) / len(plot.months)

    def height(value: Fraction) -> float:
        return round(bottom - float((value - marks[0]) / span) * (bottom - top), 1)

    for mark in marks:
        sheet.lines.append(Line([(left, height(mark)), (right, height(mark))], RULE))
        label = plot.amount(mark)
        sheet.texts.append(Text(left - 8, height(mark) + 4, label, is_right=True))
    for number, month in enumerate(plot.months):
        x = round(left + (number + 1) * step, 1)
        sheet.texts.append(Text(x, bottom + 18, month, is_right=True))
    if panel.target is not None:
        y = height(panel.target)
        sheet.lines.append(Line([(left, y), (right, y)], TARGET, 1.5))
    for series, colour, thick, is_dashed in (
        (panel.expected, EXPECTED, 1.5, True),
        (panel.values, VERIFIED, 3.0, False),
    ):
        points = [
            (round(left + (number + 1) * step, 1), height(value))
            for number, value in enumerate(series)
            if value is not None
        ]
        if len(points) == 1:
            # One month alone is drawn as a short horizontal line.
            points.insert(0, (round(points[0][0] - step / 2, 1), points[0][1]))
        if points:
            sheet.lines.append(Line(points, colour, thick, is_dashed))


def levels(known: Series) -> list[Fraction]:
    """Return evenly spaced round amounts, ascending, that enclose 0 and all defined values.

    E.g. 0, 5, 10, 15 and 20 for the values 3, None and 17; 0 and 1 if no value is defined.
    """
    values = [value for value in known if value is not None]
    low, high = min([Fraction(0), *values]), max([Fraction(0), *values])
    step = _round_step((high - low) / LEVELS or Fraction(1))
    first, last = low // step, max(-(-high // step), low // step + 1)
    return [step * number for number in range(first, last + 1)]


def _round_step(least: Fraction) -> Fraction:
    """Return the smallest step from ``least`` on that is 1, 2 or 5 times a power of 10."""
    unit = Fraction(1)
    while unit > least:
        unit /= 10
    while unit * 10 < least:
        unit *= 10
    return next(unit * part for part in (1, 2, 5, 10) if unit * part >= least)
