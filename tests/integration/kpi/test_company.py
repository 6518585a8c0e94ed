"""Institutions that share a running service: what one forges moves no number of another."""

from __future__ import annotations

from typing import Any

from kieng.kpi.v1 import kpi_service_pb2, parked_service_pb2, view_pb2
from kieng.kpi.v1.parked_service_pb2_grpc import ParkedServiceStub
from kieng.submissions.v1 import events_pb2, submission_pb2
from services.kernel.publisher import Event
from services.kpi.config import Settings
from services.kpi.log.topic import SUBMISSIONS
from tests.integration.kpi import tokens
from tests.integration.kpi.api.test_agreement import fresh_broker
from tests.integration.kpi.test_service import (
    Stack,
    kpis_or_none,
    publish_catalogue,
    running,
    settings,
)
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

__all__ = ["fresh_broker", "settings"]
OWN = "alpha.0198"
WORK = "doi:10.1/own"
FIRST = article("alpha/sci", quartile=2, part=submission_pb2.PART_LEAD)
"""What is verified first."""
STRONGER: tuple[dict[str, Any], ...] = (
    {"vouched": submission_pb2.SOURCE_REGISTRY},
    {"issued_on": "2025-01-01"},
    {"part": submission_pb2.PART_LEAD},
    {"share_ppm": 1_000_000},
    {"quartile": 1},
    {
        "vouched": submission_pb2.SOURCE_REGISTRY,
        "issued_on": "2024-12-31",
        "part": submission_pb2.PART_LEAD,
        "share_ppm": 1_000_000,
        "quartile": 1,
    },
)
"""What another institution says of the same work later."""


def reasons(stack: Stack) -> list[str]:
    stub = ParkedServiceStub(stack.channel)
    request = parked_service_pb2.ListParkedRequest(page_size=100)
    found = stub.ListParked(request, timeout=10, metadata=tokens.credential("root", "operator"))
    return [record.reason for record in found.records]


def forge(stack: Stack, source: str, event: events_pb2.SubmissionChanged) -> None:
    kind = event.DESCRIPTOR.full_name
    address = f"kieng/submissions/{source}"
    value = event.SerializeToString()
    stack.publisher.publish([Event("1", SUBMISSIONS, event.work_key, kind, address, value)])


def test_forged_events_are_parked_with_the_reason_and_move_nothing(settings: Settings) -> None:
    fact = article("alpha/sci")
    with running(settings) as stack:
        wait_until(lambda: "no catalogue" in stack.unready())
        publish_catalogue(stack)
        stack.publish(changed(OWN, 1, WORK, fact, fact))
        before = {"root": 1, "alpha": 1, "beta": 0}
        wait_until(lambda: kpis_or_none(stack) == before)

        forge(stack, "beta", changed(OWN, 1 << 62, WORK, institution="beta"))
        forge(stack, "beta", changed(OWN, 2, WORK, institution="beta"))
        forge(stack, "beta", changed(OWN, 3, WORK, institution="alpha"))
        forge(stack, "alpha", changed(OWN, 1 << 62, WORK, institution="alpha"))
        forge(stack, "beta", changed("beta.1", 1, "doi:10.1/x", fact, fact, "beta"))
        # It counts, and says when everything before it was read.
        stack.publish(changed("gamma.1", 1, "doi:10.1/y", article("gamma"), article("gamma")))
        wait_until(lambda: stack.kpis() == {**before, "root": 2})
        assert reasons(stack) == [
            f"submission '{OWN}' is not one of 'beta'",
            f"submission '{OWN}' is not one of 'beta'",
            "source 'kieng/submissions/beta' is not 'alpha'",
            f"version {1 << 62} is of no restore epoch",
            "unit 'alpha/sci' is not one of 'beta'",
        ]


def test_a_later_claim_of_another_moves_no_verified_number_whatever_it_says(
    settings: Settings,
) -> None:
    """Such words of one university once took verified works and money from another.

    What a work is shared by is another matter: each further institution takes its part of it.
    """
    with running(settings) as stack:
        wait_until(lambda: "no catalogue" in stack.unready())
        publish_catalogue(stack)
        stack.publish(*(dated(f"{OWN}{i}", i, FIRST) for i in range(len(STRONGER))))
        plain = article("beta", quartile=2)
        stack.publish(*(dated(f"beta.0199{i}", i, plain) for i in range(len(STRONGER))))
        count = len(STRONGER)
        wait_until(lambda: kpis_or_none(stack) == {"root": count, "alpha": count, "beta": count})
        before = numbers(stack, "alpha")

        theirs = [
            dated(f"beta.0199{i}", i, article("beta", **{"quartile": 2, **words}), version=2)
            for i, words in enumerate(STRONGER)
        ]
        # It counts, and says when everything before it was read.
        other = article("gamma")
        stack.publish(*theirs, changed("gamma.1", 1, "doi:10.1/y", other, other))
        wait_until(lambda: stack.kpis()["root"] == count + 1)
        assert numbers(stack, "alpha") == before
        assert [cell for cell in before if cell.verified.whole]


def dated(
    submission: str, work: int, claim: events_pb2.Claim, version: int = 1
) -> events_pb2.SubmissionChanged:
    """A claim of a work, verified; the first institution was the first to be."""
    event = changed(submission, version, f"{WORK}.{work}", claim, claim)
    event.verified_at.seconds = 1_750_000_000 + (claim.unit_id == "beta")
    return event


def numbers(stack: Stack, unit_id: str) -> list[view_pb2.Cell]:
    """Every number of a unit by month."""
    every = view_pb2.Selection(
        unit_ids=[unit_id], from_month="2024-12", to_month="2025-11", by_month=True
    )
    return list(stack.call("GetKpis", kpi_service_pb2.GetKpisRequest(selection=every)).cells)
