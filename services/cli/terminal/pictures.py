"""Small pictures made of characters: a bar against a target, and the course of months."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

BAR_WIDTH = 16
"""Number of characters of a bar that just reaches its target."""
BAR_WIDTH_MAX = 20
"""Maximum number of characters of a bar that exceeds its target; the rest is cut off."""
LEVELS = "▁▂▃▄▅▆▇█"
GAP = " "


def bullet(part: Fraction, expected: Fraction | None = None) -> str:
    """Return a bar of characters that is full at the target, with a mark at the expected value.

    E.g. `████████░░░│░░░░`. A negative value has an empty bar; one above the target has a longer
    bar of at most `BAR_WIDTH_MAX` characters.

    Args:
        part: value divided by its target.
        expected: value expected by now, divided by the target; None for no mark.
    """
    filled = max(0, min(BAR_WIDTH_MAX, round(part * BAR_WIDTH)))
    letters = list("█" * filled + "░" * (BAR_WIDTH - filled))
    if expected is not None:
        mark = max(0, min(BAR_WIDTH, round(expected * BAR_WIDTH)) - 1)
        letters[mark] = "┃" if mark < filled else "│"
    return "".join(letters)


def sparkline(series: Sequence[Fraction | None]) -> str:
    """Return one character per value, the higher the larger, e.g. `▁▃▅█`; a blank for None.

    The lowest character stands for 0, or for the smallest value if that is negative.
    """
    known = [value for value in series if value is not None]
    low, high = min([Fraction(0), *known]), max([Fraction(0), *known])
    span = (high - low) or Fraction(1)
    top = len(LEVELS) - 1
    return "".join(
        GAP if value is None else LEVELS[int((value - low) / span * top)] for value in series
    )
