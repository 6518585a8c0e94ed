from dataclasses import replace
from fractions import Fraction

import pytest

from services.cli.documents.drawing import EXPECTED, TARGET, VERIFIED, Drawing, Line, draw, levels
from tests.unit.cli.documents.plots import plot


def line(sheet: Drawing, colour: str) -> Line:
    """The line of a series; the one before it in the same colour stands in the legend."""
    return [each for each in sheet.lines if each.colour == colour][-1]


def test_values_end_with_the_months_that_are_over_and_meet_half_of_the_target() -> None:
    sheet = draw(plot())
    values, expected, target = (line(sheet, each) for each in (VERIFIED, EXPECTED, TARGET))
    assert (len(values.points), len(expected.points), len(target.points)) == (7, 12, 2)
    assert expected.points[-1][1] == target.points[0][1]
    zero = max(y for each in sheet.lines for _, y in each.points)
    assert zero - values.points[-1][1] == pytest.approx((zero - target.points[0][1]) / 2, abs=0.1)


@pytest.mark.parametrize("panels", [1, 2, 3, 4, 16])
def test_everything_is_on_the_sheet(panels: int) -> None:
    sheet = draw(plot(panels))
    ends = [point for each in sheet.lines for point in each.points]
    ends += [(each.x, each.y) for each in sheet.texts]
    assert all(0 <= x <= sheet.width and 0 <= y <= sheet.height for x, y in ends)


def test_one_month_is_a_short_level_and_none_is_nothing() -> None:
    whole = plot()
    one = replace(whole.panels[0], values=[Fraction(5), *[None] * 11], target=None)
    first, second = line(draw(replace(whole, panels=[one])), VERIFIED).points
    assert first[0] < second[0]
    assert first[1] == second[1]
    none = replace(whole.panels[0], values=[None] * 12, expected=[None] * 12, target=None)
    sheet = draw(replace(whole, panels=[none]))
    assert [each.colour for each in sheet.lines].count(VERIFIED) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((62, 120), (0, 50, 100, 150)),
        ((0, None), (0, 1)),
        (
            (Fraction(1, 3),),
            (0, Fraction(1, 10), Fraction(2, 10), Fraction(3, 10), Fraction(4, 10)),
        ),
        ((-7, 9), (-10, -5, 0, 5, 10)),
        ((100,), (0, 50, 100)),
    ],
    ids=["count", "nothing", "share", "below zero", "round"],
)
def test_levels_are_round_and_enclose_all(
    values: tuple[Fraction | None, ...], expected: tuple[Fraction, ...]
) -> None:
    assert tuple(levels(values)) == expected
