"""Small pictures of letters: a bar against a target, and the course of months."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

BAR_WIDTH = 16
"""Letters of a bar up to its target."""
BAR_WIDTH_MAX = 20
"""Letters of a bar that goes beyond its target; more is cut."""
LEVELS = "▁▂▃▄▅▆▇█"
GAP = " "


def bullet(part: Fraction, expected: Fraction | None = None) -> str:
    """Return a bar that is full at the target, with a mark where it is expected by now.

    Args:
        part: value as a part of its target.
        expected: expected value as a part of the target; None without one.
    """
    filled = max(0, min(BAR_WIDTH_MAX, round(part * BAR_WIDTH)))
    letters = list("█" * filled + "░" * (BAR_WIDTH - filled))
    if expected is not None:
        mark = max(0, min(BAR_WIDTH, round(expected * BAR_WIDTH)) - 1)
        letters[mark] = "┃" if mark < filled else "│"
    return "".join(letters)


def sparkline(series: Sequence[Fraction | None]) -> str:
    """Return a letter for each value, the higher the larger; a blank for what is not defined.

    The lowest level is 0, or the smallest value where one is negative.
    """
    known = [value for value in series if value is not None]
    low, high = min([Fraction(0), *known]), max([Fraction(0), *known])
    span = (high - low) or Fraction(1)
    top = len(LEVELS) - 1
    return "".join(
        GAP if value is None else LEVELS[int((value - low) / span * top)] for value in series
    )
