"""Bullet bars and sparklines stay inside their pictures."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.portal.domain import pictures
from services.portal.domain.figures import Number

PARTS = st.fractions(min_value=-10, max_value=1000)


@given(PARTS, st.none() | PARTS.filter(lambda part: part >= 0))
def test_every_bar_is_inside_its_picture(attainment: Fraction, pace: Fraction | None) -> None:
    bar = pictures.bullet(attainment, pace)
    assert 0 <= bar.reached <= pictures.BAR_WIDTH
    assert 0 < bar.target <= pictures.BAR_WIDTH
    assert bar.pace is None or 0 <= bar.pace <= pictures.BAR_WIDTH
    assert (bar.reached >= bar.target) == (attainment >= 1) or abs(attainment - 1) < 0.01


def test_half_of_a_target_is_half_of_the_bar() -> None:
    assert pictures.bullet(Fraction(1, 2), Fraction(1, 4)) == pictures.Bullet(50.0, 100.0, 25.0)


def test_a_line_needs_two_points_and_leaves_gaps_out() -> None:
    assert pictures.sparkline([]) == ""
    assert pictures.sparkline([None, 3]) == ""
    assert pictures.sparkline([1, None, 3]) == "2.0,18.0 94.0,2.0"


@given(st.lists(st.none() | st.integers(-(10**15), 10**15), max_size=30))
def test_every_point_is_inside_its_picture(series: list[int | None]) -> None:
    for point in pictures.sparkline(series).split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= pictures.SPARK_WIDTH
        assert 0 <= y <= pictures.SPARK_HEIGHT


@given(
    st.lists(
        st.lists(st.none() | PARTS, max_size=5) | st.lists(st.integers(-9, 10**15)), max_size=3
    )
)
def test_every_line_is_inside_its_chart(series: list[list[Number | None]]) -> None:
    made = pictures.chart(series)
    assert [height for height, _ in made.levels] == [200.0, 150.0, 100.0, 50.0, 0.0]
    for x, y in (point.split(",") for line in made.lines for point in line.split()):
        assert 0 <= float(x) <= pictures.CHART_WIDTH
        assert 0 <= float(y) <= pictures.CHART_HEIGHT
