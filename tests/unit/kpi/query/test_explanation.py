"""What is told of a work besides its contribution: the facts of the claim that leads it."""

from __future__ import annotations

import pytest

from kieng.submissions.v1 import facts_pb2
from services.kpi.query.explanation import claims_in, facts_of, readiness
from services.kpi.wire import events
from tests.unit.kpi.builders import article, changed, wire_claim


@pytest.mark.parametrize(("measure", "partner"), [(0, "p1"), (1, "p2")])
def test_the_facts_of_the_leading_claim_are_told_as_they_count(measure: int, partner: str) -> None:
    declared = wire_claim("alpha", "agreement", partner_id="p1")
    verified = wire_claim("alpha", "agreement", partner_id="p2")
    leading = changed("s1", 1, declared=declared, verified=verified)
    said = [changed("s2", 1, declared=article("beta")), leading]
    facts = facts_of(said, events.name_of(leading), measure)
    assert isinstance(facts, facts_pb2.Agreement)
    assert facts.partner_id == partner


def test_without_a_leading_claim_nothing_is_told() -> None:
    assert facts_of([changed("s1", 1, declared=article())], "", 1) is None


def test_claims_of_an_amended_submission_are_those_that_count_in_the_measure() -> None:
    old, new = article("alpha/eng"), article("alpha/sci")
    old.evidence_sha256.append("a" * 64)
    new.evidence_sha256.append("b" * 64)
    said = [
        changed("s1", 3, declared=new, verified=old),
        changed("s2", 1, declared=article("beta")),
        changed("s3", 2, declared=old, verified=old),
        changed("s4", 2),
    ]
    for event in said:
        event.verified_at.seconds = 1
    told = [
        [
            (c.unit_id, c.verified, c.HasField("verified_at"), "".join(c.evidence_sha256)[:1])
            for c in found
        ]
        for found in (claims_in(said, 0), claims_in(said, 1))
    ]
    waiting = ("beta", False, False, "")
    assert told == [
        [("alpha/sci", False, False, "b"), waiting, ("alpha/eng", True, True, "a")],
        [("alpha/eng", True, True, "a"), waiting, ("alpha/eng", True, True, "a")],
    ]


def test_a_product_is_told_with_its_stage_in_words() -> None:
    product = facts_pb2.Product(trl=9, stage=facts_pb2.Product.STAGE_ON_MARKET)
    assert readiness(product) == {"trl": 9, "stage": "on_market"}


def test_a_product_of_a_stage_of_a_later_release_is_told_with_its_number() -> None:
    product = facts_pb2.Product.FromString(bytes([5 << 3, 77]))
    assert readiness(product) == {"trl": 0, "stage": "77"}
