from fractions import Fraction

import pytest

from services.cli.terminal.pictures import BAR_WIDTH, BAR_WIDTH_MAX, bullet, sparkline


@pytest.mark.parametrize(
    ("part", "expected", "shown"),
    [
        (Fraction(0), None, "░" * 16),
        (Fraction(1, 2), None, "█" * 8 + "░" * 8),
        (Fraction(1, 2), Fraction(3, 4), "█" * 8 + "░" * 3 + "│" + "░" * 4),
        (Fraction(3, 4), Fraction(1, 2), "█" * 7 + "┃" + "█" * 4 + "░" * 4),
        (Fraction(9), Fraction(1), "█" * 15 + "┃" + "█" * 4),
        (Fraction(-1), Fraction(0), "│" + "░" * 15),
    ],
)
def test_a_bar_is_full_at_the_target_and_marks_what_is_expected(
    part: Fraction, expected: Fraction | None, shown: str
) -> None:
    assert bullet(part, expected) == shown
    assert BAR_WIDTH <= len(shown) <= BAR_WIDTH_MAX


def test_a_course_begins_at_zero_and_leaves_out_what_is_not_defined() -> None:
    assert sparkline([Fraction(0), Fraction(7), None, Fraction(14)]) == "▁▄ █"
    assert sparkline([Fraction(5), Fraction(5)]) == "██"
    assert sparkline([Fraction(-7), Fraction(0), Fraction(7)]) == "▁▄█"
    assert sparkline([Fraction(0), None]) == "▁ "
    assert sparkline([]) == ""
