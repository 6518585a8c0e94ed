"""A log with everything in it: joint works, amendments, retractions, duplicates and bad records."""

from __future__ import annotations

import random

from kieng.submissions.v1 import events_pb2, facts_pb2
from tests.unit.kpi.builders import UNITS, FakeRecord, article, changed, record, wire_claim

OWNERS = ("alpha", "beta", "alpha", "gamma")
"""Institution of the first, second, ... submission of every work."""


def claim(dice: random.Random, kind: str, institution: str) -> events_pb2.Claim:
    unit = dice.choice([unit for unit in UNITS if unit.split("/")[0] == institution])
    day = f"2025-0{dice.randint(1, 7)}-1{dice.randint(0, 9)}"
    part = dice.choice([1, 2])
    if kind == "publication":
        quartile = dice.choice([1, 2, 3])
        return article(unit, issued_on=day, quartile=quartile, unit_authors=dice.randint(1, 4))
    if kind == "receipt":
        payer = dice.choice(["", *UNITS])
        amount = str(dice.randint(1, 10**12))
        facts = {"amount_vnd": amount, "contract_ref": "c", "product_ref": f"p{dice.randint(1, 9)}"}
        return wire_claim(unit, "receipt", received_on=day, payer_unit_id=payer, **facts)
    if kind == "product":
        return wire_claim(
            unit, "product", stage=3, identified_on=day, on_market_on=day, ended_on="2025-08-01"
        )
    if kind == "agreement":
        partner = f"partner:{dice.randint(1, 5)}"
        return wire_claim(unit, "agreement", kind=1, signed_on=day, partner_id=partner)
    return wire_claim(unit, "ip_right", kind=1, granted_on=day, part=part)


def log(events: int, seed: int = 7) -> list[FakeRecord]:
    """Records from offset 0; about every eighth event says something twice or out of order."""
    dice = random.Random(seed)
    kinds = ["publication", "receipt", "product", "agreement", "ip_right"]
    assert set(kinds) <= set(facts_pb2.Facts.DESCRIPTOR.fields_by_name)
    said: list[events_pb2.SubmissionChanged] = []
    for version in range(1, events + 1):
        if said and dice.random() < 0.12:
            said.append(dice.choice(said))
            continue
        work = dice.randint(0, events // 4)
        kind = kinds[work % len(kinds)]
        number = dice.randrange(len(OWNERS))
        owner = OWNERS[number]
        declared = claim(dice, kind, owner) if dice.random() < 0.9 else None
        verified = declared
        if declared is not None and dice.random() < 0.3:
            verified = claim(dice, kind, owner) if dice.random() < 0.5 else None
        name, key = f"s{work}-{number}", f"{kind}:{work:04}"
        said.append(changed(name, version, key, declared, verified, owner))
    return [record(offset, event) for offset, event in enumerate(said)]
