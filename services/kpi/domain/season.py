"""The season of a year: which part of its value is there by a day, as earlier years had it."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from services.kpi.domain.catalogue import Indicator
from services.kpi.domain.cube import Cube, Range, Ratio

YEARS_MAX = 6
"""How many years back are looked at; older ones say little about the present."""

YEARS_MIN = 2
"""Fewer earlier years are no season: a single one may be half recorded, or an exception."""

VERIFIED = 1


@dataclass(frozen=True, slots=True)
class PastYear:
    """An earlier year that is over: its value by the same day of the year, and by its end.

    ``by_day`` lies on a straight line within the month of the day, as values are of whole months.
    """

    year: int
    by_day: Fraction
    total: int


@dataclass(frozen=True, slots=True)
class PastForecast:
    """What would have been forecast on the same day of an earlier year, and what it became."""

    year: int
    forecast: Fraction
    actual: int


def elapsed(on: date) -> Fraction:
    """Return the part of its year that is over at the end of a day: 1 on 31 December."""
    first, last = date(on.year, 1, 1), date(on.year, 12, 31)
    return Fraction((on - first).days + 1, (last - first).days + 1)


def past_years(cube: Cube, unit_id: str, indicator: Indicator, on: date) -> list[PastYear]:
    """Return the earlier years in which something verified was counted, the oldest first.

    At most `YEARS_MAX` years back are looked at.

    Args:
        cube: cells of a view.
        unit_id: the unit.
        indicator: a flow whose values are whole numbers.
        on: the day; its year is not among those returned.
    """
    years = range(on.year - YEARS_MAX, on.year)
    part = Fraction(on.day, monthrange(on.year, on.month)[1])
    ranges: list[Range] = []
    for year in years:
        january, month = year * 12, year * 12 + on.month - 1
        ranges += [(january, month - 1), (january, month), (january, january + 11)]
    values = cube.values(unit_id, indicator, VERIFIED, ranges, [0] * len(ranges))
    found = []
    for number, year in enumerate(years):
        before, through, total = values[3 * number : 3 * number + 3]
        assert not isinstance(before, Ratio)
        assert not isinstance(through, Ratio)
        assert not isinstance(total, Ratio)
        if total > 0:
            found.append(PastYear(year, before + (through - before) * part, total))
    return found


def share(past: Sequence[PastYear], on: date) -> tuple[Fraction, int]:
    """Return the part of a year's value expected by a day, and the number of years that show it.

    It is what all earlier years together had by then, divided by what they had in the end. If there
    are fewer than `YEARS_MIN` of them, or they had nothing by then, it is the part of the year that
    is over, and the number of years is 0.

    Args:
        past: earlier years.
        on: the day.
    """
    by_day = sum((year.by_day for year in past), Fraction(0))
    total = sum(year.total for year in past)
    if len(past) < YEARS_MIN or not 0 < by_day <= total:
        return elapsed(on), 0
    return by_day / total, len(past)


def past_forecasts(past: Sequence[PastYear], on: date) -> list[PastForecast]:
    """Return, for each earlier year, what would have been forecast then and what it became.

    The forecast for a year uses only the years before it, by the same rule as the present one.

    Args:
        past: earlier years, the oldest first.
        on: the day; the same day of each year is looked at.
    """
    return [
        PastForecast(year.year, year.by_day / share(past[:number], on)[0], year.total)
        for number, year in enumerate(past)
    ]


def forecast_range(
    forecast: Fraction, value: int, past: Sequence[PastForecast]
) -> tuple[Fraction, Fraction] | None:
    """Return the lowest and highest value to expect, if this forecast errs as earlier ones did.

    The forecast itself lies within, and the lowest value is not below what is reached already. None
    if there are fewer than `YEARS_MIN` earlier forecasts, or one of them was 0.

    Args:
        forecast: value forecast for the end of the year.
        value: value reached by the day.
        past: earlier forecasts on the same day.
    """
    errors = [each.actual / each.forecast for each in past if each.forecast > 0]
    if len(errors) < YEARS_MIN or len(errors) < len(past):
        return None
    errors.append(Fraction(1))
    low = max(forecast * min(errors), min(Fraction(value), forecast))
    return low, forecast * max(errors)
