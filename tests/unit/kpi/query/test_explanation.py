"""What is told of a work besides its contribution: the facts of the claim that leads it."""

from __future__ import annotations

from kieng.submissions.v1 import facts_pb2
from services.kpi.query.explanation import facts_of, readiness
from services.kpi.wire import events
from tests.unit.kpi.builders import article, changed, wire_claim


def test_the_verified_facts_of_the_leading_claim_are_told() -> None:
    declared = wire_claim("alpha", "agreement", partner_id="p1")
    verified = wire_claim("alpha", "agreement", partner_id="p2")
    leading = changed("s1", 1, declared=declared, verified=verified)
    said = [changed("s2", 1, declared=article("beta")), leading]
    facts = facts_of(said, events.name_of(leading))
    assert isinstance(facts, facts_pb2.Agreement)
    assert facts.partner_id == "p2"


def test_without_a_leading_claim_nothing_is_told() -> None:
    assert facts_of([changed("s1", 1, declared=article())], "") is None


def test_a_product_is_told_with_its_stage_in_words() -> None:
    product = facts_pb2.Product(trl=9, stage=facts_pb2.Product.STAGE_ON_MARKET)
    assert readiness(product) == {"trl": 9, "stage": "on_market"}


def test_a_product_of_a_stage_of_a_later_release_is_told_with_its_number() -> None:
    product = facts_pb2.Product.FromString(bytes([5 << 3, 77]))
    assert readiness(product) == {"trl": 0, "stage": "77"}
