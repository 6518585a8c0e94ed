"""Figures: what they attained of their targets, and how they changed."""

from dataclasses import replace
from fractions import Fraction

import pytest

from services.portal.domain.figures import Figure, Number, change


def figure(unit: str, value: Number | None, target: int | None, standing: str = "") -> Figure:
    return Figure(unit, "KNW-03", value, value, target, standing, Fraction(5))


def test_attainment_needs_a_target_and_a_count() -> None:
    assert figure("vnu", 5, 20).attainment == Fraction(1, 4)
    assert figure("vnu", 5, None).attainment is None
    assert figure("vnu", Fraction(1, 2), 20).attainment is None
    assert figure("vnu", 5, 0).attainment is None
    assert figure("vnu", 5, 20).pace == Fraction(1, 4)


def test_a_month_has_an_even_part_of_the_target() -> None:
    parts = [figure("vnu", 5, target).monthly_target for target in (200, 240, 2_000_005, None)]
    assert parts == [Fraction(50, 3), 20, 166_667, None]
    assert isinstance(parts[1], int)
    assert figure("vnu", Fraction(1, 2), 240).monthly_target is None


def test_what_is_judged_is_what_had_happened_by_the_day() -> None:
    judged = replace(figure("vnu", 8, 20, "behind"), judged=5, on="2025-07-31")
    assert judged.attainment == Fraction(1, 4)


def test_a_year_that_ended_behind_was_missed() -> None:
    behind = replace(figure("vnu", 16, 20, "behind"), judged=16, on="2025-11-30")
    assert (behind.outcome, behind.is_over) == ("behind", False)
    assert replace(behind, on="2025-12-31").outcome == "missed"
    forecast = replace(behind, forecast=Fraction(18))
    assert (behind.has_forecast, forecast.has_forecast) == (False, True)
    assert not replace(forecast, on="2025-12-31").has_forecast
    assert replace(behind, on="2025-12-31", standing="reached").outcome == "reached"


@pytest.mark.parametrize(
    ("judged", "standing", "expected", "told"),
    [
        (69, "behind", Fraction(693, 10), 70),
        (69, "on_pace", Fraction(687, 10), 68),
        (69, "on_pace", Fraction(69), 69),
        # A ceiling of which more is used than expected, and less.
        (69, "behind", Fraction(687, 10), 68),
        (69, "on_pace", Fraction(693, 10), 70),
        (None, "", None, None),
    ],
)
def test_what_is_expected_compares_with_the_value_as_the_standing_says(
    judged: int | None, standing: str, expected: Fraction | None, told: int | None
) -> None:
    found = replace(figure("vnu", 70, 120, standing), judged=judged, expected=expected)
    assert found.whole_expected == told


def test_a_forecast_below_the_target_is_not_told_as_the_target() -> None:
    found = replace(figure("vnu", 70, 120, "behind"), forecast=Fraction(1199, 10), on="2025-07-31")
    assert found.whole_forecast == 119
    assert replace(found, on="2025-12-31").whole_forecast is None
    assert replace(found, forecast=None).whole_forecast is None


def test_a_change_is_unknown_where_a_month_is() -> None:
    assert change([1, 4, 9], 1) == 5
    assert change([1, 4, 9], 2) == 8
    assert change([1, 4, 9], 3) is None
    assert change([None, 4], 1) is None
    assert change([], 1) is None
