from typing import Any

import pytest

from services.kpi.domain.catalogue import INSTITUTIONS, NEVER, Catalogue, Rule
from services.kpi.domain.conditions import Condition
from services.kpi.domain.contribution import contribution, key_parts, number_key
from services.kpi.domain.work import UNVERIFIED, Claim
from tests.unit.kpi.builders import TREE, both, catalogue, cells, claim, component, counted, said

WHOLE = catalogue(component())
FRACTION = catalogue(component(Rule.FRACTION))
LEAD = catalogue(component(Rule.LEAD))
MONEY = catalogue(component(Rule.MONEY_RECEIVED, amount="amount"))
DISTINCT = catalogue(component(Rule.DISTINCT, member="partner"))
STOCK = catalogue(component(until="ended_on"))
ENDLESS = catalogue(component(until=NEVER))
JOINT = catalogue(component(where=(Condition(INSTITUTIONS, "at_least", bound=2),)))


def one(unit: str, submission: str = "s1", **facts: object) -> Claim:
    return claim(unit, submission, **facts)  # type: ignore[arg-type]


WHOLE_COUNTS = {
    "one unit": (["alpha/sci"], "root alpha alpha/sci"),
    "an inner unit and its descendant": (
        ["alpha", "alpha/sci/lab"],
        "root alpha alpha/sci alpha/sci/lab",
    ),
    "siblings": (["alpha/eng", "alpha/sci"], "root alpha alpha/eng alpha/sci"),
    "two institutions": (["alpha/sci", "beta"], "root alpha alpha/sci beta"),
    "the same unit twice": (["beta/one", "beta/one"], "root beta beta/one"),
    "the root itself": (["root"], "root"),
    "everything": (
        list(TREE.ids),
        "root alpha alpha/eng alpha/sci alpha/sci/lab beta beta/one beta/two gamma",
    ),
}


@pytest.mark.parametrize(("units", "at"), WHOLE_COUNTS.values(), ids=WHOLE_COUNTS)
def test_a_whole_count_is_one_at_every_unit_that_holds_a_claim(units: list[str], at: str) -> None:
    claims = [claim(unit, f"s{i}") for i, unit in enumerate(units)]
    assert counted(claims, WHOLE) == dict.fromkeys(at.split(), 1)


def test_fractions_add_up_to_the_whole_at_the_top() -> None:
    claims = [one("alpha/sci"), one("alpha/eng", "s2"), one("beta", "s3")]
    assert counted(claims, FRACTION) == {
        "root": 720_720,
        "alpha": 360_360,
        "alpha/sci": 180_180,
        "alpha/eng": 180_180,
        "beta": 360_360,
    }


def test_only_the_strongest_lead_counts() -> None:
    member, second = claim("gamma", "s1"), claim("beta/one", "s3", lead=True)
    first = claim("alpha", "s2", lead=True)
    assert counted([second, member, first], LEAD) == {"root": 1, "alpha": 1}
    assert counted([member], LEAD) == {}


# payer -> what is left of 100 that alpha/sci received
NETTED = {
    "nobody of ours": (None, {"root": 100, "alpha": 100, "alpha/sci": 100}),
    "a unit that the tree does not know": ("old", {"root": 100, "alpha": 100, "alpha/sci": 100}),
    "another institution": ("beta/one", {"alpha": 100, "alpha/sci": 100}),
    "a sibling": ("alpha/eng", {"alpha/sci": 100}),
    "the unit above": ("alpha", {"alpha/sci": 100}),
    "the root": ("root", {"alpha": 100, "alpha/sci": 100}),
    "a unit below": ("alpha/sci/lab", {}),
    "itself": ("alpha/sci", {}),
}


@pytest.mark.parametrize(("payer", "left"), NETTED.values(), ids=NETTED)
def test_money_between_units_cancels_where_payer_and_payee_meet(
    payer: str | None, left: dict[str, int]
) -> None:
    receipt = one("alpha/sci", amount=100, payer_unit_id=payer)
    assert counted([receipt], MONEY) == left


def test_an_amount_is_split_among_claims_and_never_counted_twice() -> None:
    claims = [one("alpha", amount=101), one("beta/one", "s2", amount=101)]
    assert counted(claims, MONEY) == {"root": 101, "alpha": 51, "beta": 50, "beta/one": 50}


def test_the_strongest_source_settles_an_amount() -> None:
    claims = [one("alpha", amount=7), one("alpha", "s2", rank=2, amount=9)]
    assert counted(claims, MONEY)["root"] == 9
    assert counted(claims[:1], MONEY)["root"] == 7


@pytest.mark.parametrize("amount", [None, "12", True])
def test_a_receipt_without_an_amount_adds_nothing(amount: object) -> None:
    assert counted([one("alpha", amount=amount)], MONEY) == {}


def test_a_distinct_count_holds_every_claim_under_its_member() -> None:
    claims = [one("alpha/sci", partner="p:1"), one("beta", "s2", partner="p:1")]
    found = cells(contribution([both(c) for c in claims], DISTINCT), DISTINCT)
    assert found["root", "2025-03", "A:verified", "p:1"] == 2
    assert found["alpha/sci", "2025-03", "A:declared", "p:1"] == 1
    assert counted([one("alpha")], DISTINCT) == {}


def test_a_stock_leaves_in_the_month_of_its_end() -> None:
    left = one("alpha", made_on="2025-02-10", ended_on="2025-06-01")
    found = cells(contribution([said(left)], STOCK), STOCK)
    assert found["root", "2025-02", "A:declared"] == 1
    assert found["root", "2025-06", "A:declared"] == -1


def test_a_stock_that_ends_before_it_begins_never_counts_and_never_goes_below_zero() -> None:
    wrong = one("alpha", made_on="2025-02-10", ended_on="2024-06-01")
    assert contribution([said(wrong)], STOCK) == {}


def test_a_stock_without_an_end_stays() -> None:
    assert counted([one("alpha", ended_on=None)], STOCK) == {"root": 1, "alpha": 1}
    assert counted([one("alpha", ended_on="2025-06-01")], ENDLESS) == {"root": 1, "alpha": 1}


def test_an_end_in_the_last_month_of_the_calendar_stays_with_its_unit() -> None:
    for unit in TREE.ids:
        endless = one(unit, ended_on="9999-12-31")
        found = cells(contribution([said(endless)], STOCK), STOCK)
        assert found[unit, "9999-12", "A:declared"] == -1
        assert {where for where, *_ in found} == {
            TREE.ids[n] for n in TREE.ancestors[TREE.number[unit]]
        }


@pytest.mark.parametrize("parts", [(0, 0, 0), (8, 119_999, 4095), (70_000, 24_302, 17)])
def test_a_key_gives_back_its_parts(parts: tuple[int, int, int]) -> None:
    assert key_parts(number_key(*parts)) == parts


def test_the_strongest_claim_says_what_a_work_is() -> None:
    weak, strong = one("alpha", "s1"), claim("beta", "s2", rank=1, type="other")
    assert counted([weak, strong], WHOLE) == {}
    assert counted([weak, claim("beta", "s2", type="other")], WHOLE) == {"root": 1, "alpha": 1}


MONTHS = {
    "the older claim's": (
        [("2025-05-02", 3, UNVERIFIED), ("2025-04-30", 3, UNVERIFIED)],
        "2025-05",
    ),
    "the better source's": (
        [("2025-01-01", 3, UNVERIFIED), ("2025-07-09", 1, UNVERIFIED)],
        "2025-07",
    ),
    "the first registry's where two disagree": (
        [
            ("2025-08-01", 1, UNVERIFIED),
            ("2025-07-09", 1, UNVERIFIED),
            ("2025-01-01", 2, UNVERIFIED),
        ],
        "2025-08",
    ),
    "what was verified, whatever the source": (
        [("2025-01-01", 1, UNVERIFIED), ("2025-07-09", 3, 99)],
        "2025-07",
    ),
    "what was verified first": ([("2025-01-01", 1, 99), ("2025-07-09", 3, 98)], "2025-07"),
    "the better source's at the same time": (
        [("2025-01-01", 2, 99), ("2025-07-09", 1, 99)],
        "2025-07",
    ),
}


@pytest.mark.parametrize(("dates", "month"), MONTHS.values(), ids=MONTHS)
def test_a_work_has_one_month(dates: list[tuple[str, int, int]], month: str) -> None:
    claims = [
        claim("alpha", f"s{i}", rank=rank, made_on=day, since=since)
        for i, (day, rank, since) in enumerate(dates)
    ]
    found = cells(contribution([said(c) for c in reversed(claims)], WHOLE), WHOLE)
    assert {when for _, when, _ in found} == {month}


LATER: dict[str, dict[str, Any]] = {
    "says that a registry vouches, and another date": {"rank": 1, "made_on": "2025-01-01"},
    "says that it led the work": {"lead": True},
    "says what the first does not": {"quality": "best", "amount": 90},
    "says another amount": {"amount": 900},
    "says another type": {"type": "other"},
    "declares all of it": {"share": 1_000_000},
}


@pytest.mark.parametrize("measure", ["declared", "verified"])
@pytest.mark.parametrize("said", LATER.values(), ids=LATER)
def test_who_joins_later_moves_no_number_of_the_first(said: dict[str, Any], measure: str) -> None:
    counting = catalogue(
        component(Rule.WHOLE, until="ended_on"),
        component(Rule.LEAD),
        component(Rule.WHOLE, where=(Condition("quality", "any_of", frozenset({"best"})),)),
    )
    first = claim("alpha/sci", "s9", lead=True, rank=3, since=1, amount=50)
    joins = claim("beta", "s1", **{"since": 2, "ended_on": "2025-05-01", **said})
    at = {"alpha/sci", "alpha"}

    def numbers(*claims: Claim) -> dict[Any, int]:
        found = cells(contribution([both(each) for each in claims], counting), counting)
        return {c: n for c, n in found.items() if c[0] in at and c[2].endswith(measure)}

    assert numbers(joins, first) == numbers(first)
    assert numbers(first)


def test_a_work_without_a_date_does_not_count_yet() -> None:
    assert counted([one("alpha", made_on=None)], WHOLE) == {}


def test_institutions_are_those_that_claim_and_those_that_the_facts_name() -> None:
    assert counted([one("alpha/sci"), one("alpha/eng", "s2")], JOINT) == {}
    assert counted([one("alpha/sci"), one("beta", "s2")], JOINT)["root"] == 1
    assert counted([one("alpha", institutions=("elsewhere",))], JOINT)["root"] == 1
    assert counted([one("alpha", institutions=("alpha",))], JOINT) == {}
    assert counted([one("root"), one("alpha", "s2")], JOINT) == {}
    # What a later claim names moves nothing; it counts itself by claiming.
    assert counted([one("alpha"), one("alpha/eng", "s2", institutions=("elsewhere",))], JOINT) == {}


def test_declared_and_verified_are_counted_apart_where_they_differ() -> None:
    amended = said(claim("beta/one", made_on="2025-04-01"), claim("alpha", made_on="2025-03-01"))
    found = cells(contribution([amended], WHOLE), WHOLE)
    assert found == {
        ("root", "2025-04", "A:declared"): 1,
        ("beta", "2025-04", "A:declared"): 1,
        ("beta/one", "2025-04", "A:declared"): 1,
        ("root", "2025-03", "A:verified"): 1,
        ("alpha", "2025-03", "A:verified"): 1,
    }


def test_equal_claims_count_the_same_in_both_measures() -> None:
    found = cells(contribution([both(one("alpha"))], WHOLE), WHOLE)
    assert found["alpha", "2025-03", "A:declared"] == found["alpha", "2025-03", "A:verified"] == 1


@pytest.mark.parametrize("catalogue", [WHOLE, FRACTION, MONEY, DISTINCT, STOCK])
def test_retracted_claims_add_nothing(catalogue: Catalogue) -> None:
    assert contribution([said(None)], catalogue) == {}
    assert contribution([], catalogue) == {}


def test_a_type_that_no_indicator_counts_adds_nothing() -> None:
    assert counted([claim("alpha", type="unknown")], WHOLE) == {}
