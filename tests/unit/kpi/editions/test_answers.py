"""What works and definitions changed is told in the parts in which the number itself is told."""

from __future__ import annotations

from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.cube import Ratio
from services.kpi.domain.restatement import Line
from services.kpi.domain.shares import WHOLE
from services.kpi.editions.answers import encode_cell, encode_line
from services.kpi.editions.restatements import RestatedCell, divisors_of
from services.kpi.wire.values import encode_value
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


def test_a_closed_fraction_and_its_differences_add_up_to_the_present_one() -> None:
    closed, now = Ratio(WHOLE, WHOLE), Ratio(WHOLE * 9 // 4, WHOLE)
    cell = RestatedCell("alpha", "SHARE", closed, (WHOLE // 2, 0), (WHOLE * 3 // 4, 0), now)
    made = encode_cell(cell, DIVISORS)
    parts = (made.closed, made.by_works, made.by_definitions)
    assert {each.ratio.denominator for each in (*parts, made.now)} == {WHOLE}
    assert sum(each.ratio.numerator for each in parts) == made.now.ratio.numerator
