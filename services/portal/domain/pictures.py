"""Computes the coordinates of bars, sparklines and charts, which pages draw as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.portal.domain.figures import BEHIND, ON_PACE, REACHED, Number

BAR_WIDTH = 100
SPARK_WIDTH = 96
SPARK_HEIGHT = 20
SIGNS: Mapping[str, str] = {REACHED: "✓", ON_PACE: "●", BEHIND: "▼"}
"""Standing -> the sign that goes with its colour, which alone would not reach everybody."""
_EDGE = 2


@dataclass(frozen=True, slots=True)
class Bullet:
    """A bullet bar 100 units wide: the horizontal positions of its parts.

    Args:
        reached: where the bar of what is reached ends.
        target: where the target is marked.
        pace: where the value expected by now is marked; None without one.
    """

    reached: float
    target: float
    pace: float | None


def bullet(attainment: Fraction, pace: Fraction | None) -> Bullet:
    """Return the bullet bar for an attainment: its parts, scaled so that the longest one fits.

    The target is at the end of the bar until it is exceeded; then the bar shows up to 150 % of it,
    and whatever lies beyond is cut off. A negative attainment is drawn as 0.

    Args:
        attainment: fraction of the target that is reached.
        pace: fraction of the target that is expected by now; None without one.
    """
    scale = BAR_WIDTH / max(1.0, min(1.5, float(attainment)))
    reached = min(float(attainment) * scale, BAR_WIDTH)
    mark = None if pace is None else round(min(float(pace) * scale, BAR_WIDTH), 1)
    return Bullet(round(max(0.0, reached), 1), round(min(scale, BAR_WIDTH), 1), mark)


def sparkline(series: Sequence[Number | None]) -> str:
    """Return the `points` of an SVG polyline for a series; empty with fewer than two values.

    The line fits into 96 by 20 units, with the lowest value at the bottom and the highest at the
    top; equal values give a level line at the bottom. Across missing values it is straight.
    """
    known = [(at, float(value)) for at, value in enumerate(series) if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(value for _, value in known), max(value for _, value in known)
    span = (high - low) or 1.0
    step = (SPARK_WIDTH - 2 * _EDGE) / (len(series) - 1)
    height = SPARK_HEIGHT - 2 * _EDGE
    points = (
        (_EDGE + at * step, _EDGE + height * (1 - (value - low) / span)) for at, value in known
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


CHART_WIDTH = 720
CHART_HEIGHT = 200


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of lines over the same months, 720 by 200 units: its coordinates, ready to draw.

    ``lines`` has the points of each line, ``levels`` the horizontal marks with their amounts, and
    ``step`` is the width of a month.
    """

    lines: Sequence[str]
    """The `points` of each line as an SVG polyline."""
    levels: Sequence[tuple[float, Number]]
    """Vertical position of each horizontal mark, from the top, and its amount."""
    step: float
    """Width of a month."""


def chart(series: Sequence[Sequence[Number | None]]) -> Chart:
    """Return a chart whose scale begins at 0, or at a lower value, and ends at a round amount.

    Args:
        series: values of consecutive months for each line; across None, the line is straight.
    """
    known = [value for line in series for value in line if value is not None]
    are_parts = any(isinstance(value, Fraction) for value in known)
    top, low = _round_up(max(0, *known, 0) or 1, are_parts), min(0, *known, 0)
    count = max((len(line) for line in series), default=0)
    step = CHART_WIDTH / max(1, count - 1)

    def height(value: Number) -> float:
        return round(CHART_HEIGHT * (1 - float((value - low) / (top - low))), 1)

    lines = [
        " ".join(f"{at * step:.1f},{height(v)}" for at, v in enumerate(line) if v is not None)
        for line in series
    ]
    levels = [low + (top - low) * Fraction(part, 4) for part in range(5)]
    marks = [(height(at), at if are_parts or at.denominator > 1 else int(at)) for at in levels]
    return Chart(lines, marks, round(step, 2))


def _round_up(value: Number, are_parts: bool) -> Fraction:
    """Return the least of 4, 8, 20, 40, 80, 200, ... that is not below a positive value.

    Quarters of these are round numbers, too. Where ``are_parts``, it may also be 0.04, 0.08, 0.1,
    0.2, 0.4, 0.8, 1, ..., e.g. of percentages.
    """
    parts: tuple[int, ...] = (4, 8, 20)
    unit = Fraction(1)
    while are_parts and value <= 2 * unit:
        unit, parts = unit / 10, (4, 8, 10, 20)
    while True:
        for part in parts:
            if part * unit >= value:
                return part * unit
        unit *= 10
