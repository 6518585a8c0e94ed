"""Records as they come from the broker, with defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kieng.kpi.v1 import events_pb2 as kpi_events_pb2
from kieng.submissions.v1 import events_pb2, facts_pb2, submission_pb2


@dataclass
class FakeRecord:
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    offset: int = 0
    topic: str = "kieng.submissions.v1"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None


def claim(unit_id: str = "alpha/sci", **facts: Any) -> events_pb2.Claim:
    facts = facts or {"publication": facts_pb2.Publication(title="Một công trình")}
    return events_pb2.Claim(unit_id=unit_id, facts=facts_pb2.Facts(**facts))


def changed(**fields: Any) -> events_pb2.SubmissionChanged:
    return events_pb2.SubmissionChanged(
        **{
            "submission_id": "s1",
            "version": 3,
            "institution_id": "alpha",
            "work_key": "doi:10.1000/x",
            "state": submission_pb2.STATE_VERIFIED,
            "verified": claim(),
            "submitted_by": "u1",
            "primary": True,
            **fields,
        }
    )


def reached(unit_id: str = "alpha/sci", value: int = 1250) -> kpi_events_pb2.TargetReached:
    event = kpi_events_pb2.TargetReached(value=value, view_id="v1")
    event.target.unit_id, event.target.indicator_code = unit_id, "PUB-01"
    event.target.year, event.target.value = 2025, 1200
    return event


def contradicted(**fields: Any) -> kpi_events_pb2.WorkContradicted:
    claimant = kpi_events_pb2.WorkContradicted.Claimant
    difference = kpi_events_pb2.WorkContradicted.Difference(
        field="quartile", said="q2", counts="q1"
    )
    return kpi_events_pb2.WorkContradicted(
        **{
            "work_key": "doi:10.1000/x",
            "leading": claimant(
                submission_id="alpha.1",
                institution_id="alpha",
                unit_id="alpha/sci",
                submitted_by="u1",
            ),
            "contradicting": claimant(
                submission_id="beta.1", institution_id="beta", unit_id="beta", submitted_by="u2"
            ),
            "differences": [difference],
            **fields,
        }
    )


def record(message: Any, offset: int = 0) -> FakeRecord:
    name = message.DESCRIPTOR.full_name
    return FakeRecord(message.SerializeToString(), [("ce_type", name.encode())], offset)
