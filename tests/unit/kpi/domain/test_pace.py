from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kpi.domain.cube import Ratio
from services.kpi.domain.pace import Standing, pace

DAYS = st.dates(date(2024, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("value", "on", "standing"),
    [
        (19, date(2025, 4, 10), Standing.BEHIND),
        (20, date(2025, 4, 10), Standing.ON_PACE),
        (20, date(2025, 4, 11), Standing.BEHIND),
        (72, date(2025, 4, 10), Standing.ON_PACE),
        (73, date(2025, 4, 10), Standing.REACHED),
        (72, date(2027, 1, 1), Standing.BEHIND),
    ],
)
def test_a_value_is_compared_with_a_straight_line(value: int, on: date, standing: Standing) -> None:
    # 10 April is day 100 of 365, and 73 is a fifth of that.
    found = pace(73, value, 0, 2025, on)
    assert found is not None
    assert found.standing is standing


def test_a_stock_starts_from_its_level_on_the_first_of_january() -> None:
    found = pace(30, 22, 20, 2025, date(2025, 3, 14))
    assert found is not None
    # Day 73 is a fifth of the year: 2 of 10 are expected, and 2 came.
    assert found.expected == Ratio(22 * 365, 365)
    assert found.forecast == Ratio(20 * 73 + 2 * 365, 73)
    assert found.standing is Standing.ON_PACE


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
    found = pace(20, value, 30, 2025, on, is_lower_better=True)
    assert found is not None
    assert found.standing is standing


def test_before_its_year_a_target_has_no_pace_and_after_it_stays_at_its_end() -> None:
    assert pace(10, 5, 0, 2025, date(2024, 12, 31)) is None
    found = pace(10, 5, 0, 2025, date(2026, 3, 1))
    assert found is not None
    assert found.on == date(2025, 12, 31)
    assert found.forecast == Ratio(5 * 365, 365)


@given(st.integers(1, 10**15), st.integers(0, 10**15), st.integers(0, 10**15), DAYS)
def test_who_is_on_pace_is_forecast_to_reach_the_target(
    target: int, value: int, start: int, on: date
) -> None:
    found = pace(target, value, start, 2025, on)
    if found is not None and value < target:
        reaches = found.forecast.numerator >= target * found.forecast.denominator
        assert (found.standing is Standing.ON_PACE) == reaches
