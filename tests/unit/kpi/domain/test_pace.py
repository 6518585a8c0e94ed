from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kpi.domain.pace import Standing, pace, told_on

DAYS = st.dates(date(2024, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("value", "on", "standing"),
    [
        (19, date(2025, 4, 10), Standing.BEHIND),
        (20, date(2025, 4, 10), Standing.ON_PACE),
        (20, date(2025, 4, 11), Standing.BEHIND),
        (72, date(2025, 4, 10), Standing.ON_PACE),
        (73, date(2025, 4, 10), Standing.REACHED),
        (72, date(2025, 12, 31), Standing.BEHIND),
    ],
)
def test_a_value_is_compared_with_a_straight_line(value: int, on: date, standing: Standing) -> None:
    # 10 April is day 100 of 365, and 73 is a fifth of that.
    assert pace(73, value, 0, on).standing is standing


def test_a_stock_starts_from_its_level_on_the_first_of_january() -> None:
    # Day 73 is a fifth of the year: 2 of 10 are expected, and 2 came.
    found = pace(30, 22, 20, date(2025, 3, 14))
    assert [found.expected, found.forecast] == [Fraction(22), Fraction(30)]
    assert found.standing is Standing.ON_PACE


def test_what_earlier_years_had_by_the_day_is_expected_instead_of_the_straight_line() -> None:
    # A tenth by the day: 7 of 70 are on pace, where a line expects a fifth.
    found = pace(70, 7, 0, date(2025, 3, 14), (Fraction(1, 10), 3))
    assert [found.expected, found.forecast] == [Fraction(7), Fraction(70)]
    assert found.season_years == 3
    assert found.standing is Standing.ON_PACE
    assert pace(70, 7, 0, date(2025, 3, 14)).standing is Standing.BEHIND


@pytest.mark.parametrize(
    ("value", "on", "standing"),
    [
        (30, date(2025, 3, 14), Standing.BEHIND),
        (28, date(2025, 3, 14), Standing.ON_PACE),
        (5, date(2025, 3, 14), Standing.ON_PACE),
        (20, date(2025, 12, 31), Standing.REACHED),
        (21, date(2025, 12, 31), Standing.BEHIND),
    ],
)
def test_a_ceiling_is_kept_from_below_and_reached_when_the_year_is_over(
    value: int, on: date, standing: Standing
) -> None:
    assert pace(20, value, 30, on, is_lower_better=True).standing is standing


@pytest.mark.parametrize(
    ("on", "told"),
    [
        (date(2025, 2, 28), date(2025, 2, 28)),
        (date(2024, 2, 28), date(2024, 1, 31)),
        (date(2025, 1, 30), date(2024, 12, 31)),
        (date(2025, 7, 20), date(2025, 7, 20)),
        (date(2025, 7, 19), date(2025, 6, 30)),
        (date(2025, 8, 3), date(2025, 8, 3)),
        (date.max, date.max),
        (date.min.replace(day=15), date.min.replace(day=15)),
    ],
)
def test_whole_months_tell_nothing_of_a_day_within_a_month_that_is_over(
    on: date, told: date
) -> None:
    assert told_on(on, date(2025, 7, 20)) == told


@given(
    st.integers(1, 10**15),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
    DAYS,
    st.fractions(Fraction(1, 10**6), 1),
)
def test_who_is_on_pace_is_forecast_to_reach_the_target(
    target: int, value: int, start: int, on: date, part: Fraction
) -> None:
    for course in (None, (part, 2)):
        found = pace(target, value, start, on, course)
        if value < target:
            assert (found.standing is Standing.ON_PACE) == (found.forecast >= target)
