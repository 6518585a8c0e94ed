"""The pace of a yearly target: the value expected on a day, and the forecast for the year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from services.kpi.domain.cube import Ratio


class Standing(Enum):
    """How a value compares with its target on a given day."""

    REACHED = "reached"
    ON_PACE = "on_pace"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of a yearly target on a given day.

    Args:
        on: the day, included.
        expected: value on that day of a straight line from the start value to the target.
        forecast: value at the end of the year if the rate so far continues.
        standing: how the value compares with the target and with the expected value.
    """

    on: date
    expected: Ratio
    forecast: Ratio
    standing: Standing


def pace(
    target: int, value: int, start: int, year: int, on: date, is_lower_better: bool = False
) -> Pace | None:
    """Return the pace of a yearly target on a day; None if the year has not begun by then.

    Args:
        target: value to reach by 31 December.
        value: value reached by the end of ``on``.
        start: value on 1 January: 0 for a flow, the level for a stock.
        year: year of the target.
        on: the day; a day after the year counts as 31 December.
        is_lower_better: whether the target is a ceiling, which can only be reached at the end of
            the year.
    """
    if on.year < year:
        return None
    on = min(on, date(year, 12, 31))
    days = (date(year + 1, 1, 1) - date(year, 1, 1)).days
    elapsed = (on - date(year, 1, 1)).days + 1
    expected = Ratio(start * days + (target - start) * elapsed, days)
    forecast = Ratio(start * elapsed + (value - start) * days, elapsed)
    if is_lower_better:
        is_reached = elapsed == days and value <= target
        is_on_pace = value * days <= expected.numerator
    else:
        is_reached = value >= target
        is_on_pace = value * days >= expected.numerator
    standing = Standing.ON_PACE if is_on_pace else Standing.BEHIND
    return Pace(on, expected, forecast, Standing.REACHED if is_reached else standing)
