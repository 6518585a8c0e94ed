from dataclasses import replace

from services.kpi.domain.catalogue import Catalogue, Indicator, Rule
from services.kpi.domain.contribution import contribution
from services.kpi.domain.cube import Cube, Ratio
from services.kpi.domain.shares import WHOLE
from tests.unit.kpi.builders import (
    JANUARY,
    TREE,
    both,
    catalogue,
    claim,
    component,
    cube_of,
    said,
)

CATALOGUE = Catalogue.build(
    1,
    [
        Indicator("COUNT", component()),
        Indicator("SHARE", component(Rule.FRACTION)),
        Indicator("RATIO", component(Rule.LEAD), component()),
        Indicator("STOCK", component(until="ended_on")),
        Indicator("PARTY", component(Rule.DISTINCT, member="partner")),
        Indicator("REACH", None, attainment_of="COUNT"),
        Indicator("REACH-SHARE", None, attainment_of="SHARE"),
    ],
    TREE,
)
MARCH, APRIL, DECEMBER = JANUARY + 2, JANUARY + 3, JANUARY + 11


def value(cube: Cube, code: str, unit: str, first: int, last: int, **more: int) -> object:
    indicator = cube.catalogue.indicators[code]
    target = more.get("target", 0)
    return cube.value(unit, indicator, more.get("measure", 1), first, last, target)


def works(*claims: tuple[str, str, str]) -> list[dict[int | tuple[int, str], int]]:
    return [
        contribution([both(claim(unit, made_on=date, partner=partner or None))], CATALOGUE)
        for unit, date, partner in claims
    ]


def test_values_are_summed_over_the_months_asked_for() -> None:
    cube = cube_of(CATALOGUE, *works(("alpha", "2025-03-01", ""), ("alpha", "2025-04-01", "")))
    assert value(cube, "COUNT", "alpha", MARCH, MARCH) == 1
    assert value(cube, "COUNT", "alpha", JANUARY, DECEMBER) == 2
    assert value(cube, "COUNT", "beta", JANUARY, DECEMBER) == 0
    assert value(cube, "COUNT", "alpha", JANUARY, JANUARY) == 0


def test_partitions_add_up() -> None:
    cube = cube_of(CATALOGUE, *works(*[("beta/one", "2025-03-01", "")] * 3))
    assert value(cube, "COUNT", "root", MARCH, MARCH) == 3
    cube.put(1, "root", MARCH, {})
    assert value(cube, "COUNT", "root", MARCH, MARCH) == 2


def test_putting_a_row_replaces_the_row_of_that_partition() -> None:
    cube = Cube(CATALOGUE)
    for amount in (5, 7, 7, 2):
        cube.put(0, "alpha", MARCH, {("COUNT:verified", ""): amount})
        assert value(cube, "COUNT", "alpha", MARCH, MARCH) == amount


def test_changed_cells_change_nothing_else_and_zero_takes_one_away() -> None:
    count, party = ("COUNT:verified", ""), ("PARTY:verified", "p")
    cube, whole = Cube(CATALOGUE), Cube(CATALOGUE)
    cube.put(0, "alpha", MARCH, {count: 3, party: 1})
    before = cube.rows()
    cube.change(0, "alpha", MARCH, {count: 5, party: 0, ("PARTY:verified", "q"): 2})
    whole.put(0, "alpha", MARCH, {count: 5, ("PARTY:verified", "q"): 2})
    assert cube.rows() == whole.rows()
    assert cube.digest() == whole.digest()
    assert value(cube, "PARTY", "alpha", MARCH, MARCH) == 1
    assert before == {(0, "alpha", MARCH): {count: 3, party: 1}}


def test_the_digest_is_of_the_cells_and_not_of_partitions_or_the_way_there() -> None:
    parts = works(("alpha", "2025-03-01", "p"), ("alpha", "2025-03-01", "p"))
    twice, swapped = cube_of(CATALOGUE, *parts), cube_of(CATALOGUE, *reversed(parts))
    together: dict[int | tuple[int, str], int] = {}
    for part in parts:
        for key, amount in part.items():
            together[key] = together.get(key, 0) + amount
    assert twice.digest() == swapped.digest() == cube_of(CATALOGUE, together).digest()
    assert twice.digest() != cube_of(CATALOGUE, parts[0]).digest()
    assert cube_of(CATALOGUE).digest() == Cube(CATALOGUE).digest()


def test_a_fraction_is_over_the_fixed_denominator() -> None:
    cube = cube_of(CATALOGUE, *works(("alpha", "2025-03-01", "")))
    assert value(cube, "SHARE", "alpha", MARCH, MARCH) == Ratio(720_720, 720_720)
    assert value(cube, "SHARE", "beta", MARCH, MARCH) == Ratio(0, 720_720)


def test_a_ratio_keeps_numerator_and_denominator() -> None:
    led = contribution([both(claim("alpha", lead=True))], CATALOGUE)
    cube = cube_of(CATALOGUE, led, *works(("alpha", "2025-03-01", "")))
    assert value(cube, "RATIO", "alpha", MARCH, MARCH) == Ratio(1, 2)
    assert value(cube, "RATIO", "gamma", MARCH, MARCH) == Ratio(0, 0)


def test_a_stock_is_read_from_the_beginning_to_the_last_month() -> None:
    product = claim("alpha", made_on="2024-03-01", ended_on="2025-04-30")
    cube = cube_of(CATALOGUE, contribution([both(product)], CATALOGUE))
    assert value(cube, "STOCK", "alpha", JANUARY, MARCH) == 1
    assert value(cube, "STOCK", "alpha", MARCH, APRIL) == 0
    assert value(cube, "COUNT", "alpha", JANUARY, MARCH) == 0


def test_distinct_members_are_united_over_months_units_and_partitions() -> None:
    cube = cube_of(
        CATALOGUE,
        *works(
            ("alpha", "2025-03-01", "p:1"),
            ("alpha/sci", "2025-04-01", "p:1"),
            ("beta", "2025-04-01", "p:2"),
        ),
    )
    assert value(cube, "PARTY", "root", JANUARY, DECEMBER) == 2
    assert value(cube, "PARTY", "alpha", JANUARY, DECEMBER) == 1
    assert value(cube, "PARTY", "alpha", MARCH, MARCH) == 1
    assert value(cube, "PARTY", "root", APRIL, APRIL) == 2


def test_a_member_that_left_a_stock_of_members_does_not_count() -> None:
    members = catalogue(component(Rule.DISTINCT, member="partner", until="ended_on"))
    agreement = claim("alpha", partner="p:1", ended_on="2025-05-01")
    cube = cube_of(members, contribution([said(agreement)], members))
    assert value(cube, "A", "root", APRIL, APRIL, measure=0) == 1
    assert value(cube, "A", "root", APRIL, DECEMBER, measure=0) == 0


def test_an_attainment_is_the_value_over_the_target() -> None:
    cube = cube_of(CATALOGUE, *works(("alpha", "2025-03-01", "")))
    assert value(cube, "REACH", "alpha", JANUARY, DECEMBER, target=4) == Ratio(1, 4)
    assert value(cube, "REACH", "alpha", JANUARY, DECEMBER) == Ratio(1, 0)


def test_an_attainment_of_fractions_is_a_part_of_the_target_as_well() -> None:
    cube = cube_of(CATALOGUE, *works(("alpha", "2025-03-01", "")))
    assert value(cube, "SHARE", "alpha", JANUARY, DECEMBER) == Ratio(WHOLE, WHOLE)
    reached = value(cube, "REACH-SHARE", "alpha", JANUARY, DECEMBER, target=4)
    assert reached == Ratio(WHOLE, 4 * WHOLE)
    assert value(cube, "REACH-SHARE", "alpha", JANUARY, DECEMBER) == Ratio(WHOLE, 0)


def test_measures_are_apart() -> None:
    declared = contribution([said(claim("alpha"))], CATALOGUE)
    cube = cube_of(CATALOGUE, declared)
    assert value(cube, "COUNT", "alpha", MARCH, MARCH, measure=0) == 1
    assert value(cube, "COUNT", "alpha", MARCH, MARCH, measure=1) == 0


def test_an_equal_component_of_another_catalogue_is_never_taken_for_one_that_is_gone() -> None:
    """Components of a catalogue that was decoded for one call; the next has their addresses."""
    cube = cube_of(CATALOGUE, *works(("alpha", "2025-03-01", "p1"), ("alpha", "2025-03-02", "p1")))
    shares = {"COUNT": 2, "SHARE": Ratio(2 * 720_720, 720_720), "PARTY": 1}
    for code, share in list(shares.items()) * 3:
        equal = CATALOGUE.indicators[code].value
        assert equal is not None
        indicator = Indicator(code, replace(equal))
        assert cube.value("alpha", indicator, 1, MARCH, MARCH, 0) == share
        del indicator
