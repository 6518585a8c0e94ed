from __future__ import annotations

import pytest

from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import ANY, Catalogue, Indicator, Rule
from services.kpi.domain.conditions import Condition
from services.kpi.domain.cuts import Cut
from tests.unit.kpi.builders import TREE, component, real_catalogue

PLAIN = Indicator("AAA-01", component())
MONEY = component(Rule.MONEY_RECEIVED, amount="amount_vnd")
REFUSED = {
    "a code twice": ([PLAIN, PLAIN], "indicators[AAA-01].code"),
    "neither value nor attainment": (
        [Indicator("AAA-01", None)],
        "indicators[AAA-01].value",
    ),
    "both value and attainment": (
        [PLAIN, Indicator("AAA-02", component(), attainment_of="AAA-01")],
        "indicators[AAA-02].value",
    ),
    "attainment of nothing": (
        [Indicator("AAA-01", None, attainment_of="AAA-09")],
        "indicators[AAA-01].attainment_of",
    ),
    "attainment of a ratio": (
        [
            Indicator("AAA-01", component(), component()),
            Indicator("AAA-02", None, attainment_of="AAA-01"),
        ],
        "indicators[AAA-02].attainment_of",
    ),
    "attainment of an attainment": (
        [
            PLAIN,
            Indicator("AAA-02", None, attainment_of="AAA-01"),
            Indicator("AAA-03", None, attainment_of="AAA-02"),
        ],
        "indicators[AAA-03].attainment_of",
    ),
    "money without an amount": (
        [Indicator("AAA-01", component(Rule.MONEY_RECEIVED))],
        "indicators[AAA-01].value.amount",
    ),
    "an amount without money": (
        [Indicator("AAA-01", component(amount="amount_vnd"))],
        "indicators[AAA-01].value.amount",
    ),
    "distinct without a member": (
        [Indicator("AAA-01", component(Rule.DISTINCT))],
        "indicators[AAA-01].value.member",
    ),
    "a member in a denominator that is no distinct count": (
        [Indicator("AAA-01", component(), component(member="partner_id"))],
        "indicators[AAA-01].denominator.member",
    ),
    "a second factor without a quantity": (
        [Indicator("AAA-01", component(Rule.FRACTION, times="hours"))],
        "indicators[AAA-01].value.times",
    ),
    "a divisor without a quantity": (
        [Indicator("AAA-01", component(per=8))],
        "indicators[AAA-01].value.per",
    ),
    "any type counted by works": (
        [Indicator("AAA-01", component(type=ANY))],
        "indicators[AAA-01].value.type",
    ),
    "cuts of an attainment": (
        [PLAIN, Indicator("AAA-02", None, attainment_of="AAA-01", cuts=("kind",))],
        "indicators[AAA-02].cuts",
    ),
}


@pytest.mark.parametrize(("indicators", "path"), REFUSED.values(), ids=REFUSED)
def test_a_definition_that_cannot_be_counted_is_refused(
    indicators: list[Indicator], path: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Catalogue.build(1, indicators, TREE)
    assert list(refused.value.fields) == [path]


def test_equal_components_share_their_columns() -> None:
    both = [Indicator("AAA-01", component()), Indicator("AAA-02", MONEY, component())]
    columns = Catalogue.build(1, both, TREE).columns
    assert [column.name for column in columns] == [
        "AAA-01:declared",
        "AAA-01:verified",
        "AAA-02:declared",
        "AAA-02:verified",
    ]


def test_the_deployed_catalogue_has_every_rule_and_knows_what_it_looks_at() -> None:
    catalogue = real_catalogue()
    rules = {i.value.rule for i in catalogue.indicators.values() if i.value}
    assert len(catalogue.indicators) == 49
    assert rules == set(Rule)
    assert {"indexes", "quartile", "issued_on"} <= catalogue.fields_of["publication"]
    assert {"amount_vnd", "payer_unit_id"} <= catalogue.fields_of["receipt"]
    assert "title" not in catalogue.fields_of["publication"]


def test_a_component_of_any_type_counts_every_type_with_its_own_limits() -> None:
    minimum = Condition("evidence", "minimum", bound=1, bounds=(("book", 2),))
    every = component(Rule.CLAIMS, type=ANY, where=(minimum,))
    catalogue = Catalogue.build(1, [Indicator("AAA-01", every)], TREE, ("book", "thing"))
    found = {kind: parts for kind, [(_, parts)] in catalogue.components_of.items()}
    assert {kind: part.where[0].bound for kind, part in found.items()} == {"book": 2, "thing": 1}
    assert catalogue.types_of(catalogue.indicators["AAA-01"]) == ["book", "thing"]


def test_only_indicators_that_ask_for_cuts_have_columns_of_them() -> None:
    cuts = {("thing", "kind"): Cut("kind", "kind")}
    asked = Indicator("AAA-01", component(), cuts=("kind",))
    plain = Indicator("AAA-02", component(until="ended_on"))
    catalogue = Catalogue.build(1, [asked, plain], TREE, (), cuts)
    assert [column.name for column in catalogue.columns] == [
        "AAA-01:declared",
        "AAA-01:verified",
        "AAA-01/by-kind:declared",
        "AAA-01/by-kind:verified",
        "AAA-02:declared",
        "AAA-02:verified",
    ]
    assert "kind" in catalogue.fields_of["thing"]
