"""Laws of the counting rules: what the numbers of units, months, terms and works add up to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from services.kpi.domain.catalogue import Catalogue, Component, Rule
from services.kpi.domain.cube import Cube, Ratio
from services.kpi.domain.explanation import share_of
from services.kpi.domain.shares import WHOLE, split
from services.kpi.domain.tree import UnitTree
from services.kpi.domain.work import Claim, Fact, Work
from tests.property.kpi.histories import (
    DATES,
    DETERMINISTIC,
    FIRST,
    LAST,
    History,
    claims,
    folded,
    histories,
    live_claims,
    only,
    trees,
)
from tests.unit.kpi.builders import cube_of

MEASURES = (0, 1)
MONTHS = sorted({int(date[:4]) * 12 + int(date[5:7]) - 1 for date in DATES})


@dataclass(frozen=True)
class Counted:
    """What the fold made of a history, and two months that a law may ask for."""

    catalogue: Catalogue
    works: dict[str, Work]
    cube: Cube
    months: tuple[int, int]


def a_whole_count_is_the_number_of_works_claimed_below(counted: Counted) -> None:
    catalogue, tree = counted.catalogue, counted.catalogue.tree
    works, cube = counted.works, counted.cube
    for component in only(Rule.WHOLE):
        if component.is_stock:
            continue
        for measure in MEASURES:
            counts = [_amount(cube, unit, component, measure) for unit in tree.ids]
            for unit, count in enumerate(counts):
                assert count == _claimed(works, catalogue, component, measure, unit)
                below = [counts[child] for child in tree.children(unit)]
                own = _claimed_at(works, component, measure, unit)
                assert max(below, default=0) <= count <= sum(below) + own


def fractions_and_leads_add_up_along_the_tree(counted: Counted) -> None:
    tree = counted.catalogue.tree
    works, cube = counted.works, counted.cube
    for component in (*only(Rule.FRACTION), *only(Rule.LEAD)):
        for measure in MEASURES:
            amounts = [_amount(cube, unit, component, measure) for unit in tree.ids]
            own = [
                amount - sum(amounts[child] for child in tree.children(unit))
                for unit, amount in enumerate(amounts)
            ]
            assert all(part >= 0 for part in own)
            for unit, part in enumerate(own):
                if not _claimed_at(works, component, measure, unit):
                    assert part == 0


def every_work_that_counts_in_fractions_is_one_whole(counted: Counted) -> None:
    catalogue = counted.catalogue
    works, cube = counted.works, counted.cube
    (component,) = (part for part in only(Rule.FRACTION) if not part.amount)
    for measure in MEASURES:
        counting = sum(_counts(work, catalogue, component, measure) for work in works.values())
        assert _amount(cube, "root", component, measure) == counting * WHOLE


def every_claim_counts_once_at_its_unit_and_above(counted: Counted) -> None:
    tree = counted.catalogue.tree
    works, cube = counted.works, counted.cube
    (every,) = (part for part in only(Rule.CLAIMS) if not part.where)
    for measure in MEASURES:
        found = [
            claim
            for work in works.values()
            for claim in live_claims(work, measure)
            if claim.facts.get(every.date)
        ]
        for unit, unit_id in enumerate(tree.ids):
            below = sum(unit in tree.ancestors[claim.unit] for claim in found)
            assert _amount(cube, unit_id, every, measure) == below


def terms_cover_the_whole_and_none_exceeds_it(counted: Counted) -> None:
    catalogue, cube = counted.catalogue, counted.cube
    for indicator in catalogue.indicators.values():
        for unit_id, cut, measure in product(catalogue.tree.ids, indicator.cuts, MEASURES):
            assert indicator.value is not None
            whole = _numerator(cube.value(unit_id, indicator, measure, FIRST, LAST, 0))
            found = cube.split(unit_id, indicator, cut, measure, (FIRST, LAST))
            terms = [_numerator(value) for value in found.values()]
            if cut in ("trl", "in_kind", "kind", "level"):
                assert sum(terms) == whole or indicator.value.rule is Rule.DISTINCT
            assert max(terms, default=0) <= whole <= sum(terms)


def money_is_what_units_received_less_what_only_changed_hands(counted: Counted) -> None:
    catalogue, tree = counted.catalogue, counted.catalogue.tree
    works, cube = counted.works, counted.cube
    for component in only(Rule.MONEY_RECEIVED):
        for measure in MEASURES:
            expected = dict.fromkeys(tree.ids, 0)
            for work in works.values():
                if _counts(work, catalogue, component, measure):
                    _receive(live_claims(work, measure), component, tree, expected)
            assert {u: _amount(cube, u, component, measure) for u in tree.ids} == expected


def months_add_up_to_any_range(counted: Counted) -> None:
    catalogue, cube = counted.catalogue, counted.cube
    middle = counted.months[0]
    for indicator in catalogue.indicators.values():
        value = indicator.value
        if value is None or value.is_stock or value.rule is Rule.DISTINCT:
            continue
        for unit in catalogue.tree.ids:
            whole, early, late = (
                cube.value(unit, indicator, 1, first, last, 0)
                for first, last in ((FIRST, LAST), (FIRST, middle), (middle + 1, LAST))
            )
            assert _numerator(whole) == _numerator(early) + _numerator(late)
            if indicator.denominator is not None:
                assert _denominator(whole) == _denominator(early) + _denominator(late)


def the_explanations_of_all_works_add_up_to_the_cell(counted: Counted) -> None:
    catalogue, tree = counted.catalogue, counted.catalogue.tree
    works, cube = counted.works, counted.cube
    first, last = sorted(counted.months)
    for indicator in catalogue.indicators.values():
        component = catalogue.indicators.get(indicator.attainment_of, indicator).value
        assert component is not None
        for unit, unit_id in enumerate(tree.ids):
            value = cube.value(unit_id, indicator, 1, first, last, 7)
            shares = [
                share_of(work.contributed, catalogue, unit, indicator, 1, first, last)
                for work in works.values()
            ]
            if component.rule is Rule.DISTINCT:
                assert value == len({member for share, member in shares if share})
                continue
            assert _numerator(value) == sum(_numerator(share) for share, _ in shares)
            if indicator.denominator is not None:
                assert _denominator(value) == sum(_denominator(share) for share, _ in shares)


def no_stock_and_no_member_ever_falls_below_zero(counted: Counted) -> None:
    catalogue, cube = counted.catalogue, counted.cube
    for indicator in catalogue.indicators.values():
        if indicator.value is None:
            continue
        for unit in catalogue.tree.ids:
            for month in MONTHS:
                assert _numerator(cube.value(unit, indicator, 0, FIRST, month, 0)) >= 0


LAWS = (
    a_whole_count_is_the_number_of_works_claimed_below,
    fractions_and_leads_add_up_along_the_tree,
    every_work_that_counts_in_fractions_is_one_whole,
    every_claim_counts_once_at_its_unit_and_above,
    terms_cover_the_whole_and_none_exceeds_it,
    money_is_what_units_received_less_what_only_changed_hands,
    months_add_up_to_any_range,
    the_explanations_of_all_works_add_up_to_the_cell,
    no_stock_and_no_member_ever_falls_below_zero,
)


@DETERMINISTIC
@given(histories(), st.sampled_from(MONTHS), st.sampled_from(MONTHS))
def test_every_law_holds_for_every_history(history: History, one: int, other: int) -> None:
    """One test for all laws: to draw and fold a history takes longer than to look at it."""
    works, total = folded(history.events, history.catalogue)
    cube = cube_of(history.catalogue, total)
    for law in LAWS:
        law(Counted(history.catalogue, works, cube, (one, other)))


@DETERMINISTIC
@given(st.data(), trees(), st.integers(0, 10**15))
def test_parts_of_a_split_add_up_to_it(data: st.DataObject, tree: UnitTree, amount: int) -> None:
    count = data.draw(st.integers(1, 6))
    several = [data.draw(claims(tree, f"s{i:02}", "institute")) for i in range(count)]
    parts = split(amount, several, tree)
    assert sum(parts) == amount
    assert min(parts) >= 0


def _amount(cube: Cube, unit: int | str, component: Component, measure: int) -> int:
    """A component over all months."""
    tree = cube.catalogue.tree
    unit_id = tree.ids[unit] if isinstance(unit, int) else unit
    for indicator in cube.catalogue.indicators.values():
        if indicator.value == component:
            return _numerator(cube.value(unit_id, indicator, measure, FIRST, LAST, 0))
        if indicator.denominator == component:
            return _denominator(cube.value(unit_id, indicator, measure, FIRST, LAST, 0))
    raise AssertionError("no indicator has this component")


def _numerator(value: int | Ratio) -> int:
    return value.numerator if isinstance(value, Ratio) else value


def _denominator(value: int | Ratio) -> int:
    assert isinstance(value, Ratio)
    return value.denominator


def _counts(work: Work, catalogue: Catalogue, component: Component, measure: int) -> bool:
    """Whether a work fulfils a component, worked out anew from its claims."""
    found = live_claims(work, measure)
    if not found or found[0].type != component.type:
        return False
    # The claim that leads a work says its facts; who takes part is known from all of them.
    said = found[0].facts
    if not all(said.get(needed) for needed in (component.date, component.not_before) if needed):
        return False
    named = said.get("institutions", ())
    assert isinstance(named, tuple)
    claiming = {catalogue.tree.institution[claim.unit] for claim in found} - {None}
    names = {*named, *(catalogue.tree.ids[number] for number in claiming if number is not None)}
    facts: dict[str, Fact] = {**said, "institutions": tuple(names)}
    return all(test.holds(facts.get) for test in component.where)


def _claimed(
    works: dict[str, Work], catalogue: Catalogue, component: Component, measure: int, unit: int
) -> int:
    """How many works count that have a claim at or below a unit."""
    return sum(
        _counts(work, catalogue, component, measure)
        and any(unit in catalogue.tree.ancestors[c.unit] for c in live_claims(work, measure))
        for work in works.values()
    )


def _claimed_at(works: dict[str, Work], component: Component, measure: int, unit: int) -> int:
    """How many works of the type have a claim of just this unit."""
    return sum(
        any(c.unit == unit and c.type == component.type for c in live_claims(work, measure))
        for work in works.values()
    )


def _receive(
    found: list[Claim], component: Component, tree: UnitTree, expected: dict[str, int]
) -> None:
    """Add what every unit received of one work: nothing at units that hold payee and payer."""
    strongest = found[0].facts.get(component.amount, 0)
    payer = found[0].facts.get("payer_unit_id", "")
    assert isinstance(strongest, int)
    for claim, part in zip(found, split(strongest, found, tree), strict=True):
        for above in tree.ancestors[claim.unit]:
            if payer not in tree.number or above not in tree.ancestors[tree.number[str(payer)]]:
                expected[tree.ids[above]] += part
