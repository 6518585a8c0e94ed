from datetime import date
from fractions import Fraction

from services.kpi.domain.season import (
    PastForecast,
    PastYear,
    forecast_range,
    past_forecasts,
    past_years,
    share,
)
from tests.unit.kpi.builders import JANUARY, real_catalogue
from tests.unit.kpi.view_states import view_state

CATALOGUE = real_catalogue()
MID_APRIL = date(2025, 4, 15)


def year(number: int, by_day: int, total: int) -> PastYear:
    return PastYear(number, Fraction(by_day), total)


def test_earlier_years_are_read_up_to_the_same_day_and_to_their_end() -> None:
    cube = view_state(alpha=9).cube
    for month, value in ((-24, 4), (-21, 6), (-13, 10), (-9, 2)):
        cube.put(0, "alpha", JANUARY + month, {("KNW-01:verified", ""): value})
    found = past_years(cube, "alpha", CATALOGUE.indicators["KNW-01"], MID_APRIL)
    # Half of April is over: 4 and half of 6 in 2023, half of 2 in 2024.
    assert found == [year(2023, 7, 20), year(2024, 1, 2)]


def test_the_season_is_what_all_earlier_years_together_had() -> None:
    assert share([year(2023, 7, 20), year(2024, 1, 20)], MID_APRIL) == (Fraction(1, 5), 2)


def test_one_year_or_an_empty_beginning_is_no_season() -> None:
    line = Fraction(105, 365)
    assert share([], MID_APRIL) == (line, 0)
    assert share([year(2024, 1, 20)], MID_APRIL) == (line, 0)
    assert share([year(2023, 0, 20), year(2024, 0, 9)], MID_APRIL) == (line, 0)


def test_an_earlier_forecast_knows_only_the_years_before_it() -> None:
    past = [year(2022, 5, 20), year(2023, 10, 20), year(2024, 12, 20)]
    on = date(2025, 3, 14)
    # A fifth of the year is over: two straight lines, and then 15 of 40.
    assert past_forecasts(past, on) == [
        PastForecast(2022, Fraction(25), 20),
        PastForecast(2023, Fraction(50), 20),
        PastForecast(2024, Fraction(32), 20),
    ]


def test_the_range_holds_the_forecast_and_errs_as_earlier_ones_did() -> None:
    high = [PastForecast(2023, Fraction(10), 12), PastForecast(2024, Fraction(10), 11)]
    assert forecast_range(Fraction(100), 50, high) == (Fraction(100), Fraction(120))
    wide = [PastForecast(2023, Fraction(10), 8), PastForecast(2024, Fraction(10), 15)]
    assert forecast_range(Fraction(100), 50, wide) == (Fraction(80), Fraction(150))
    assert forecast_range(Fraction(100), 90, wide) == (Fraction(90), Fraction(150))


def test_too_few_earlier_forecasts_give_no_range() -> None:
    one = PastForecast(2024, Fraction(10), 8)
    assert forecast_range(Fraction(100), 50, [one]) is None
    nothing = PastForecast(2022, Fraction(0), 8)
    assert forecast_range(Fraction(100), 50, [nothing, one, one]) is None
