"""The worked examples of docs/indicators.md, by the rules themselves."""

from typing import Any

from services.kpi.domain.catalogue import Catalogue, Component, Indicator, Rule
from services.kpi.domain.contribution import contribution, key_parts
from services.kpi.domain.cube import Cube, Value
from services.kpi.domain.fold import roll_up
from services.kpi.domain.months import month_of_date, month_text
from services.kpi.domain.tree import Unit, UnitTree
from services.kpi.domain.work import Claim, Statement

TREE = UnitTree(
    [
        Unit("consortium", ""),
        Unit("vnu", "consortium", is_institution=True),
        Unit("vnu/hus", "vnu"),
        Unit("vnu/uet", "vnu"),
        Unit("hust", "consortium", is_institution=True),
    ]
)
MARCH = {"on": "2025-03-10"}
UNITS = ("vnu/hus", "vnu/uet", "vnu", "hust", "consortium")


def claim(unit: str, number: int, lead: bool = False, rank: int = 3, **facts: Any) -> Claim:
    return Claim(str(number), TREE.number[unit], lead, 0, rank, "thing", {**MARCH, **facts})


def image_of(component: Component, *works: list[Claim]) -> tuple[Cube, Indicator]:
    indicator = Indicator("AAA-01", component)
    catalogue = Catalogue.build(1, [indicator], TREE)
    rows: dict[tuple[str, int], dict[tuple[str, str], int]] = {}
    for claims in works:
        added = contribution([Statement(1, declared=c) for c in claims], catalogue)
        for place, change in roll_up(added, catalogue).items():
            row = rows.setdefault(place, {})
            for cell, value in change.items():
                row[cell] = row.get(cell, 0) + value
    image = Cube(catalogue)
    for (unit_id, month), row in rows.items():
        image.put(0, unit_id, month, row)
    return image, indicator


def values(
    component: Component, *works: list[Claim], first: str = "2025-01", last: str = "2025-12"
) -> dict[str, Any]:
    image, indicator = image_of(component, *works)
    bounds = month_of_date(first), month_of_date(last)
    return {unit: plain(image.value(unit, indicator, 0, *bounds, 0)) for unit in UNITS}


def plain(value: Value) -> int:
    return value if isinstance(value, int) else value.numerator


def expect(*numbers: int) -> dict[str, int]:
    return dict(zip(UNITS, numbers, strict=True))


SHARED = [claim("vnu/hus", 1), claim("vnu/uet", 2), claim("hust", 3)]


def test_a_shared_work_counts_once_at_every_unit() -> None:
    assert values(Component("thing", Rule.WHOLE, "on"), SHARED) == expect(1, 1, 1, 1, 1)


def test_a_shared_work_is_split_by_institution_first() -> None:
    found = values(Component("thing", Rule.FRACTION, "on"), SHARED)
    assert found == expect(180_180, 180_180, 360_360, 360_360, 720_720)


def test_a_led_work_counts_where_it_is_led() -> None:
    course = [claim("vnu/uet", 1, lead=True), claim("hust", 2)]
    assert values(Component("thing", Rule.LEAD, "on"), course) == expect(0, 1, 1, 0, 1)


def test_money_is_split_and_taken_off_where_payer_and_payee_meet() -> None:
    rule = Component("thing", Rule.MONEY_RECEIVED, "on", amount="vnd")
    receipt = [claim("vnu/hus", 1, vnd=100), claim("hust", 2, vnd=100)]
    assert values(rule, receipt) == expect(50, 0, 50, 50, 100)
    paid = [
        claim(unit, n, vnd=100, payer_unit_id="vnu/uet")
        for n, unit in ((1, "vnu/hus"), (2, "hust"))
    ]
    assert values(rule, paid) == expect(50, 0, 0, 50, 0)


def test_a_partner_of_several_agreements_counts_once() -> None:
    rule = Component("thing", Rule.DISTINCT, "on", member="partner")
    works = [[claim(unit, n, partner="p")] for n, unit in enumerate(("vnu/hus", "vnu/hus", "hust"))]
    assert values(rule, *works) == expect(1, 0, 1, 1, 1)
    assert values(rule, *works[1:]) == expect(1, 0, 1, 1, 1)


def test_a_stock_is_read_at_the_end_of_the_range() -> None:
    rule = Component("thing", Rule.WHOLE, "on", until="end")
    product = [claim("hust", 1, on="2024-11-05", end="2025-05-20")]
    assert values(rule, product, last="2025-04") == expect(0, 0, 0, 1, 1)
    assert values(rule, product, last="2025-05") == expect(0, 0, 0, 0, 0)


def test_a_work_has_one_month_and_a_registry_names_it() -> None:
    rule = Component("thing", Rule.WHOLE, "on")

    def months(*claims: Claim) -> set[str]:
        rolled = contribution(
            [Statement(1, declared=c) for c in claims], image_of(rule)[0].catalogue
        )
        numbers = (key if isinstance(key, int) else key[0] for key in rolled)
        return {month_text(key_parts(number)[1]) for number in numbers}

    early, late = claim("vnu/hus", 1, on="2025-03-31"), claim("hust", 2, on="2025-04-02")
    assert months(early, late) == {"2025-03"}
    assert months(early, claim("hust", 2, rank=1, on="2025-04-02")) == {"2025-04"}
