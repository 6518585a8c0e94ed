"""What works and definitions changed is told in the parts in which the number itself is told."""

from __future__ import annotations

from fractions import Fraction

import pytest

from services.kpi.domain.catalogue import Catalogue, Component, Indicator, Rule
from services.kpi.domain.cube import Ratio, Value
from services.kpi.domain.restatement import Line
from services.kpi.domain.shares import WHOLE
from services.kpi.editions.answers import encode_cell, encode_line
from services.kpi.editions.restatements import compare, divisors_of
from services.kpi.wire.values import encode_value
from services.portal.wire import number
from tests.unit.kpi.builders import TREE, component

COUNT = Indicator("COUNT", component())
SHARE = Indicator("SHARE", component(Rule.FRACTION))
RATIO = Indicator("RATIO", component(), component(Rule.LEAD))
REACH = Indicator("REACH", None, attainment_of="COUNT")
DIVISORS = divisors_of(Catalogue.build(1, [COUNT, SHARE, RATIO, REACH], TREE))


def test_a_fraction_has_its_denominator_and_a_ratio_two_differences() -> None:
    assert DIVISORS == {"SHARE": WHOLE, "RATIO": 0}
    half = WHOLE // 2
    line = Line("w", [], {("alpha", "SHARE", 0): half, ("alpha", "COUNT", 0): -1})
    line.changes |= {("alpha", "RATIO", 0): 1, ("alpha", "RATIO", 1): 2}
    made = encode_line(line, DIVISORS, "", "")
    assert made is not None
    assert {each.indicator_code: each.difference for each in made.changes} == {
        "SHARE": encode_value(Ratio(half, WHOLE)),
        "COUNT": encode_value(-1),
        "RATIO": encode_value(Ratio(1, 2)),
    }


EIGHTS = component(Rule.FRACTION, amount="hours", per=8)
FIFTHS = component(Rule.FRACTION, amount="hours", per=5)
HALF = WHOLE // 2


def shown(value: Value) -> Fraction:
    return (
        Fraction(value.numerator, value.denominator)
        if isinstance(value, Ratio)
        else Fraction(value)
    )


@pytest.mark.parametrize(
    ("before", "closed", "works", "again", "after", "now"),
    [
        (SHARE.value, Ratio(WHOLE, WHOLE), HALF, Ratio(WHOLE + HALF, WHOLE), SHARE.value, None),
        (COUNT.value, 5, 1, 6, SHARE.value, Ratio(9 * HALF, WHOLE)),
        (SHARE.value, Ratio(HALF, WHOLE), HALF, Ratio(WHOLE, WHOLE), COUNT.value, 2),
        (EIGHTS, Ratio(12, 8), 4, Ratio(16, 8), FIFTHS, Ratio(16, 5)),
        (EIGHTS, Ratio(0, 8), 0, Ratio(0, 8), COUNT.value, 0),
    ],
)
def test_a_closed_number_and_its_differences_add_up_to_the_present_one(
    before: Component, closed: Value, works: int, again: Value, after: Component, now: Value | None
) -> None:
    own, present = (
        divisors_of(Catalogue.build(1, [Indicator("A", each)], TREE)) for each in (before, after)
    )
    place = ("alpha", "A")
    line = Line("w", [], {(*place, 0): works})
    (cell,) = compare({place: closed}, {place: again}, [line], own, {place: now or again}, present)
    assert cell.adds_up
    made = encode_cell(cell)
    one, two, three, four = (
        number(each) for each in (made.closed, made.by_works, made.by_definitions, made.now)
    )
    assert (one, four) == (shown(closed), shown(now or again))
    assert (two, three) == (shown(again) - shown(closed), shown(now or again) - shown(again))


@pytest.mark.parametrize(
    ("before", "closed", "after", "now"),
    [(COUNT, 5, RATIO, Ratio(3, 10)), (RATIO, Ratio(3, 10), COUNT, 5)],
)
def test_a_count_that_became_a_ratio_is_compared_in_two_parts(
    before: Indicator, closed: Value, after: Indicator, now: Value
) -> None:
    own, present = (
        {"A": made[0]}
        if (made := [*divisors_of(Catalogue.build(1, [each], TREE)).values()])
        else {}
        for each in (before, after)
    )
    place = ("alpha", "A")
    (cell,) = compare({place: closed}, {place: closed}, [], own, {place: now}, present)
    assert cell.adds_up
    sign = 1 if before is COUNT else -1
    assert encode_cell(cell).by_definitions == encode_value(Ratio(-2 * sign, 10 * sign))
