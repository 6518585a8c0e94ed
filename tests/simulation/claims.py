"""What a random claim says: a work of one of nine types, and its facts."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from kieng.submissions.v1 import events_pb2, facts_pb2, submission_pb2

MONTHS = ("2025-01", "2025-02", "2025-03")


def _publication(rng: random.Random, message: Any, date: str) -> None:
    message.indexes.append(facts_pb2.Publication.INDEX_SCOPUS)
    message.quartile = rng.choice((0, 1, 2, 3))
    message.issued_on, message.unit_authors = date, rng.randint(0, 4)


def _receipt(rng: random.Random, message: Any, date: str) -> None:
    message.amount_vnd, message.received_on = str(rng.randrange(1, 10**9)), date
    message.contract_ref = rng.choice(("", "k"))
    message.payer_unit_id = rng.choice(("", "", "a/x", "b", "a/x/g"))


def _agreement(rng: random.Random, message: Any, date: str) -> None:
    message.kind, message.signed_on = rng.choice((1, 2)), date
    message.partner_id = rng.choice(("p1", "p2"))
    message.expires_on = rng.choice(("", f"{rng.choice(MONTHS)}-15"))


def _joint_project(rng: random.Random, message: Any, date: str) -> None:
    message.started_on, message.level = date, rng.choice((1, 2, 3))
    message.institutions.extend(rng.sample(("a", "b", "c"), rng.randint(0, 2)))


def _expert(rng: random.Random, message: Any, date: str) -> None:
    message.person_id, message.started_on = rng.choice(("e1", "e2", "e3")), date


def _product(rng: random.Random, message: Any, date: str) -> None:
    message.identified_on, message.stage, message.trl = date, 1, rng.choice((3, 7, 8))
    message.trl_on = rng.choice(("", f"{rng.choice(MONTHS)}-07"))
    message.ended_on = rng.choice(("", f"{rng.choice(MONTHS)}-20"))
    message.fields.extend(
        rng.sample(("ai", "energy_materials", "environment", "odd"), k=rng.randrange(3))
    )
    message.areas.extend(rng.choice(((), (), ("cybersecurity",), ("odd", "ai"))))


def _training(rng: random.Random, message: Any, date: str) -> None:
    message.started_on, message.trainees = date, rng.randrange(40)
    message.hours = rng.randrange(1, 50)


def _task(rng: random.Random, message: Any, date: str) -> None:
    message.due_on = date
    message.done_on = rng.choice(("", f"{rng.choice(MONTHS)}-{rng.randint(1, 28):02d}"))


def _ip_right(rng: random.Random, message: Any, date: str) -> None:
    message.kind, message.filed_on = rng.choice((1, 2, 5)), date
    message.granted_on = rng.choice(("", f"{rng.choice(MONTHS)}-03"))
    message.exploited_by = rng.choice(("", "k"))
    message.exploited_on = rng.choice(("", f"{rng.choice(MONTHS)}-23"))
    message.fields.extend(rng.choice(((), ("ai",), ("ai", "quantum"))))


FACTS: dict[str, Callable[[random.Random, Any, str], None]] = {
    "publication": _publication,
    "receipt": _receipt,
    "agreement": _agreement,
    "joint_project": _joint_project,
    "expert": _expert,
    "product": _product,
    "training": _training,
    "task": _task,
    "ip_right": _ip_right,
}
KINDS = (*FACTS, "receipt", "receipt")
"""Receipts more often than others, since rules of rounding show only where money is shared."""


def claim(rng: random.Random, unit_id: str, keys: int) -> tuple[str, events_pb2.Claim]:
    """Return a random work and what a unit claims of it."""
    date = f"{rng.choice(MONTHS)}-{rng.randint(1, 28):02d}"
    kind = rng.choice(KINDS)
    facts = facts_pb2.Facts()
    FACTS[kind](rng, getattr(facts, kind), date)
    made = events_pb2.Claim(
        unit_id=unit_id,
        part=rng.choice((submission_pb2.PART_LEAD, submission_pb2.PART_MEMBER)),
        share_ppm=rng.choice((0, 0, 0, 300_000, 700_000)),
        source=rng.choice(submission_pb2.Source.values()),
        facts=facts,
        evidence_sha256=rng.choices(("e1", "e2", "e3"), k=rng.randrange(4)),
    )
    return f"{kind}:{rng.randrange(keys)}", made
