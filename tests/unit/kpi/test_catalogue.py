from __future__ import annotations

import pytest

from services.kernel.errors import InvalidArgument
from services.kpi.domain.catalogue import Catalogue, Condition, Indicator, Rule
from services.kpi.domain.claims import Fact
from tests.unit.kpi.builders import TREE, component, real_catalogue

PLAIN = Indicator("AAA-01", component())
MONEY = component(Rule.MONEY_RECEIVED, amount="amount_vnd")
REFUSED = {
    "a code twice": ([PLAIN, PLAIN], "indicators"),
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
        "indicators[AAA-01].amount",
    ),
    "an amount without money": (
        [Indicator("AAA-01", component(amount="amount_vnd"))],
        "indicators[AAA-01].amount",
    ),
    "distinct without a member": (
        [Indicator("AAA-01", component(Rule.DISTINCT))],
        "indicators[AAA-01].member",
    ),
    "a member in a denominator that is no distinct count": (
        [Indicator("AAA-01", component(), component(member="partner_id"))],
        "indicators[AAA-01/denominator].member",
    ),
}


@pytest.mark.parametrize(("indicators", "path"), REFUSED.values(), ids=REFUSED)
def test_a_definition_that_cannot_be_counted_is_refused(
    indicators: list[Indicator], path: str
) -> None:
    with pytest.raises(InvalidArgument) as refused:
        Catalogue.build(1, indicators, TREE)
    assert list(refused.value.fields) == [path]


# (test, values or bound, fact) -> passes
A_B = frozenset({"a", "b"})
CONDITIONS: list[tuple[Condition, Fact | None, bool]] = [
    (Condition("f", "any_of", A_B), "a", True),
    (Condition("f", "any_of", A_B), "c", False),
    (Condition("f", "any_of", A_B), None, False),
    (Condition("f", "any_of", A_B), "", False),
    (Condition("f", "any_of", A_B), ("c", "b"), True),
    (Condition("f", "any_of", A_B), ("c",), False),
    (Condition("f", "any_of", A_B), (), False),
    (Condition("f", "any_of", frozenset({"true"})), True, True),
    (Condition("f", "any_of", frozenset({"3"})), 3, True),
    (Condition("f", "none_of", A_B), "a", False),
    (Condition("f", "none_of", A_B), "c", True),
    (Condition("f", "none_of", A_B), None, True),
    (Condition("f", "none_of", A_B), ("c", "b"), False),
    (Condition("f", "none_of", A_B), ("c", "d"), True),
    (Condition("f", "none_of", A_B), (), True),
    (Condition("f", "present", bound=1), "a", True),
    (Condition("f", "present", bound=1), None, False),
    (Condition("f", "present", bound=1), "", False),
    (Condition("f", "present", bound=1), (), False),
    (Condition("f", "present", bound=0), None, True),
    (Condition("f", "present", bound=0), ("a",), False),
    (Condition("f", "at_least", bound=2), 2, True),
    (Condition("f", "at_least", bound=2), 1, False),
    (Condition("f", "at_least", bound=2), ("a", "b"), True),
    (Condition("f", "at_least", bound=2), ("a",), False),
    (Condition("f", "at_least", bound=2), None, False),
    (Condition("f", "at_least", bound=2), "22", False),
    (Condition("f", "at_least", bound=0), None, True),
]


@pytest.mark.parametrize(("condition", "fact", "passes"), CONDITIONS)
def test_a_condition_holds_or_not(condition: Condition, fact: Fact | None, passes: bool) -> None:
    assert condition.holds(fact) is passes


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
    assert len(catalogue.indicators) == 21
    assert rules == set(Rule)
    assert {"indexes", "quartile", "issued_on"} <= catalogue.fields_of["publication"]
    assert {"amount_vnd", "payer_unit_id"} <= catalogue.fields_of["receipt"]
    assert "title" not in catalogue.fields_of["publication"]
