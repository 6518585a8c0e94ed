"""The pace of a yearly target: the value expected on a day, and the forecast for the year."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from fractions import Fraction
from math import ceil

from services.kpi.domain.catalogue import Indicator
from services.kpi.domain.cube import Cube, Range, Ratio
from services.kpi.domain.season import (
    PastForecast,
    elapsed,
    forecast_range,
    past_forecasts,
    past_years,
    share,
)
from services.kpi.domain.targets import VERIFIED, Target


class Standing(Enum):
    """How a value compares with its target on a given day.

    `REACHED` if it has the target's value, else `ON_PACE` if it has the value expected by then,
    else `BEHIND`. A ceiling can be reached only at the end of the year.
    """

    REACHED = "reached"
    ON_PACE = "on_pace"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of a yearly target on a given day.

    Args:
        on: the day, included.
        value: value that is judged, of what had happened by the end of that day.
        expected: value expected on that day on the way from the start value to the target.
        forecast: value at the end of the year if it goes on as expected of the rest of the year.
        standing: how the value compares with the target and with the expected value.
        season_years: number of earlier years whose season is followed; 0 for a straight line.
        forecast_range: lowest and highest value to expect, by the errors of earlier forecasts; None
            if too few are known.
        past: what would have been forecast on the same day of earlier years, the oldest first.
    """

    on: date
    value: int
    expected: Fraction
    forecast: Fraction
    standing: Standing
    season_years: int = 0
    forecast_range: tuple[Fraction, Fraction] | None = None
    past: tuple[PastForecast, ...] = ()

    @property
    def gap(self) -> int:
        """By how much the value must change to be on pace, rounded up; 0 unless it is behind.

        For a target this is what is missing, for a ceiling what is too much.
        """
        if self.standing is not Standing.BEHIND:
            return 0
        return ceil(abs(self.expected - self.value))


def told_on(on: date, today: date) -> date:
    """Return the last day, up to ``on``, whose end the cells can show.

    Cells are of whole months, so it is the day itself if it ends a month or is not over yet, and
    else the end of the month before.

    Args:
        on: the day that is asked for.
        today: day that the cells belong to: nothing later is known to them.
    """
    first = on.replace(day=1)
    ends_month = on.day == monthrange(on.year, on.month)[1]
    if ends_month or on >= today or first == date.min:
        return on
    return first - timedelta(days=1)


def pace_of(
    cube: Cube, indicator: Indicator, target: Target, months: Range, on: date
) -> Pace | None:
    """Return the pace of a target on a day, from the verified cells of its year until that day.

    None if it cannot be judged: the values are ratios, the indicator has no better direction, or
    the year of the target had not begun.

    Args:
        cube: cells of a view.
        indicator: the target's indicator.
        target: the target.
        months: first and last month that are read; the day is at most the end of the last.
        on: the day, as `told_on` returns it.
    """
    last = months[1] + 1
    on = min(on, date(last // 12, last % 12 + 1, 1) - timedelta(days=1), date(target.year, 12, 31))
    assert indicator.value is not None
    is_ratio = indicator.denominator is not None or indicator.value.parts > 1
    if is_ratio or indicator.direction == "none" or on.year < target.year:
        return None
    january = target.year * 12
    until = (january, january + on.month - 1)
    value = _whole(cube, target.unit_id, indicator, until)
    is_ceiling = indicator.direction == "down"
    if indicator.value.is_stock:
        start = _whole(cube, target.unit_id, indicator, (january - 1, january - 1))
        return pace(target.value, value, start, on, is_lower_better=is_ceiling)
    known = past_years(cube, target.unit_id, indicator, on)
    part, years = share(known, on)
    past = tuple(past_forecasts(known, on))
    return pace(target.value, value, 0, on, (part, years), past, is_lower_better=is_ceiling)


def _whole(cube: Cube, unit_id: str, indicator: Indicator, months: Range) -> int:
    value = cube.value(unit_id, indicator, VERIFIED, *months, 0)
    assert not isinstance(value, Ratio)
    return value


def pace(
    target: int,
    value: int,
    start: int,
    on: date,
    course: tuple[Fraction, int] | None = None,
    past: tuple[PastForecast, ...] = (),
    *,
    is_lower_better: bool = False,
) -> Pace:
    """Return the pace of a target on a day: expected value, forecast and how the value compares.

    Args:
        target: value to reach by 31 December.
        value: value reached by the end of ``on``.
        start: value on 1 January: 0 for a flow, the level for a stock.
        on: the day.
        course: part of the year's value expected by then, above 0 and at most 1, and the number of
            years that show so; None for a straight line.
        past: earlier forecasts on the same day of their years.
        is_lower_better: whether the target is a ceiling, which can only be reached at the end of
            the year.
    """
    part, years = course or (elapsed(on), 0)
    expected = start + (target - start) * part
    forecast = start + (value - start) / part
    if is_lower_better:
        is_reached = elapsed(on) == 1 and value <= target
        is_on_pace = value <= expected
    else:
        is_reached = value >= target
        is_on_pace = value >= expected
    standing = Standing.ON_PACE if is_on_pace else Standing.BEHIND
    return Pace(
        on,
        value,
        Fraction(expected),
        Fraction(forecast),
        Standing.REACHED if is_reached else standing,
        years,
        forecast_range(forecast, value, past),
        past,
    )
