"""Numbers that differ between two catalogues, and the works behind them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.comparison import WORKS_NAMED, Change, Comparison, Works
from services.kpi.domain.conditions import Condition
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Range, Ratio, Value
from services.kpi.domain.fold import roll_up
from services.kpi.domain.shares import WHOLE
from services.kpi.domain.work import Key
from tests.unit.kpi.builders import JANUARY, TREE, both, catalogue, claim, component

YEAR = (JANUARY, JANUARY + 11)
ALL = catalogue(component())
GOOD = catalogue(component(where=(Condition("quartile", "any_of", frozenset({"q1"})),)))


def compared(
    before: Catalogue,
    after: Catalogue,
    *works: Mapping[str, Any],
    months: Range = YEAR,
    targets: Mapping[str, int] = MappingProxyType({}),
) -> list[Change]:
    """What changes for works of alpha, named w0, w1 and so on, with these facts."""
    comparison = Comparison(before, after, months, targets)
    totals: list[dict[Key, int]] = [{}, {}]
    for number, facts in enumerate(works):
        said = [both(claim("alpha", f"s{number}", **facts))]
        added = [contribution(said, each) for each in (before, after)]
        comparison.add(f"w{number}", *added)
        for total, each in zip(totals, added, strict=True):
            for key, value in each.items():
                total[key] = total.get(key, 0) + value
    sides = (comparison.before, comparison.after)
    for side, total in zip(sides, totals, strict=True):
        for (unit_id, month), row in roll_up(total, side.catalogue).items():
            side.cube.put(0, unit_id, month, row)
    return list(comparison.changes())


def test_a_work_that_counts_no_more_is_behind_every_number_above_it() -> None:
    found = compared(ALL, GOOD, {"quartile": "q1"}, {"quartile": "q4"})
    assert [(each.unit_id, each.measure) for each in found] == [
        *(("root", 0), ("root", 1), ("alpha", 0), ("alpha", 1)),
    ]
    assert {(each.before, each.after) for each in found} == {(2, 1)}
    assert [each.works for each in found] == [Works(1, ["w1"])] * 4


def test_the_same_catalogue_changes_nothing() -> None:
    assert compared(ALL, ALL, {"quartile": "q4"}) == []


def test_a_count_in_fractions_differs_only_where_a_work_is_shared() -> None:
    fractions = catalogue(component(Rule.FRACTION))
    assert compared(ALL, fractions, {}) == compared(fractions, ALL, {}) == []
    comparison = Comparison(ALL, fractions, YEAR, {})
    alone, joint = [claim("alpha")], [claim("alpha"), claim("beta", "s2")]
    for key, claims in (("alone", alone), ("joint", joint)):
        said = [both(each) for each in claims]
        counted = [contribution(said, each) for each in (ALL, fractions)]
        comparison.add(key, *counted)
        for side, added in zip((comparison.before, comparison.after), counted, strict=True):
            side.cube.add(roll_up(added, side.catalogue))
    found = {each.unit_id: each for each in comparison.changes() if each.measure}
    assert set(found) == {"alpha", "beta"}
    assert found["alpha"].before == 2
    assert found["alpha"].after == Ratio(WHOLE * 3 // 2, WHOLE)
    assert {each.works.count for each in found.values()} == {1}


def test_a_number_that_one_catalogue_does_not_have_is_none_there() -> None:
    more = catalogue(component(), component(Rule.CLAIMS))
    assert {(each.code, each.before, each.after) for each in compared(ALL, more, {})} == {
        ("B", None, 1)
    }
    assert {(each.code, each.before, each.after) for each in compared(more, ALL, {})} == {
        ("B", 1, None)
    }


def test_nothing_is_no_change_where_one_catalogue_lacks_it() -> None:
    share = component(Rule.FRACTION)
    ratio = Indicator("R", component(), component(Rule.LEAD))
    more = Catalogue.build(1, [Indicator("A", component()), Indicator("F", share), ratio], TREE)
    for sides in ((ALL, more), (more, ALL)):
        assert compared(*sides) == []
        found = {(each.unit_id, each.code) for each in compared(*sides, {})}
        assert found == {(unit, code) for unit in ("root", "alpha") for code in ("F", "R")}
    assert compared(ALL, catalogue(component(Rule.FRACTION))) == []


def test_an_attainment_is_compared_only_over_months_that_are_measured_against_the_target() -> None:
    def attaining(counted: Catalogue) -> Catalogue:
        attainment = Indicator("REACH", None, attainment_of="A")
        return Catalogue.build(1, [*counted.indicators.values(), attainment], TREE)

    def reach(first: int) -> set[tuple[Value | None, Value | None]]:
        sides, months = (attaining(ALL), attaining(GOOD)), (first, JANUARY + 11)
        found = compared(*sides, {"quartile": "q4"}, months=months, targets={"alpha|A": 5})
        return {(each.before, each.after) for each in found if each.unit_id == "alpha"} - {(1, 0)}

    assert reach(JANUARY) == {(Ratio(1, 5), Ratio(0, 5))}
    assert reach(JANUARY + 2) == {(Ratio(1, 0), Ratio(0, 0))}


def test_an_attainment_of_another_indicator_is_compared_with_the_targets_of_both() -> None:
    def attaining(code: str) -> Catalogue:
        reach = Indicator("REACH", None, attainment_of=code)
        counts = [Indicator("A", component()), Indicator("B", component(Rule.CLAIMS))]
        return Catalogue.build(1, [*counts, reach], TREE)

    targets = {"alpha|A": 5, "alpha|B": 10}
    found = compared(attaining("A"), attaining("B"), {}, targets=targets)
    reached = {(each.before, each.after) for each in found if each.unit_id == "alpha"}
    assert reached == {(Ratio(1, 5), Ratio(1, 10))}


def test_works_outside_the_months_are_behind_no_number() -> None:
    assert compared(ALL, GOOD, {"made_on": "2026-01-01"}, {"made_on": "2024-12-31"}) == []


def test_all_works_are_counted_and_the_first_are_named() -> None:
    works = Works()
    for number in range(9, 0, -1):
        works.add(f"w{number}")
    assert (works.count, works.keys) == (9, [f"w{number}" for number in range(1, WORKS_NAMED + 1)])
