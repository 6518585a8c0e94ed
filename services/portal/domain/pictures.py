"""Coordinates of the small pictures beside figures; pages draw them as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.portal.domain.figures import Number

BAR_WIDTH = 100
SPARK_WIDTH = 96
SPARK_HEIGHT = 20
_EDGE = 2


@dataclass(frozen=True, slots=True)
class Bullet:
    """A bullet bar, of 100 units: the target is at ``target``, what is reached ends at ``reached``.

    ``pace`` is where the straight line of the year expects it by now; None without one.
    """

    reached: float
    target: float
    pace: float | None


def bullet(attainment: Fraction, pace: Fraction | None) -> Bullet:
    """Return a bar that holds the whole target, and what goes beyond it up to a half more."""
    scale = BAR_WIDTH / max(1.0, min(1.5, float(attainment)))
    reached = min(float(attainment) * scale, BAR_WIDTH)
    mark = None if pace is None else round(min(float(pace) * scale, BAR_WIDTH), 1)
    return Bullet(round(max(0.0, reached), 1), round(min(scale, BAR_WIDTH), 1), mark)


def sparkline(series: Sequence[Number | None]) -> str:
    """Return the points of a polyline over a series; gaps are left out, empty below two points."""
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
