"""Institutions that share a running service: what one produces moves no number of another."""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaConsumer

from kieng.kpi.v1 import events_pb2 as kpi_events
from kieng.kpi.v1 import kpi_service_pb2, parked_service_pb2, view_pb2
from kieng.kpi.v1.parked_service_pb2_grpc import ParkedServiceStub
from kieng.submissions.v1 import events_pb2
from services.kernel.publisher import Event
from services.kpi.config import Settings
from services.kpi.log.topic import SUBMISSIONS
from tests.integration.kpi import tokens
from tests.integration.kpi.test_service import (
    SELECTION,
    Stack,
    kpis_or_none,
    publish_catalogue,
    running,
    settings,
)
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

__all__ = ["settings"]
OWN = "alpha.0198"
WORK = "doi:10.1/own"


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


def marks(stack: Stack, with_contradictions: bool = True) -> dict[str, tuple[int, int] | None]:
    request = kpi_service_pb2.GetKpisRequest(
        selection=SELECTION, with_contradictions=with_contradictions
    )
    return {cell.unit_id: mark(cell) for cell in stack.call("GetKpis", request).cells}


def mark(cell: view_pb2.Cell) -> tuple[int, int] | None:
    if not cell.HasField("contradictions"):
        return None
    return cell.contradictions.declared, cell.contradictions.verified


def told(settings: Settings) -> list[tuple[str, kpi_events.WorkContradicted]]:
    """Every event of a contradicted work, with its id."""
    with closing(
        KafkaConsumer(
            "kieng.kpi.v1",
            bootstrap_servers=settings.kafka_bootstrap,
            auto_offset_reset="earliest",
            consumer_timeout_ms=500,
        )
    ) as consumer:
        records = [(dict(each.headers), each.value) for each in consumer]
    return [
        (headers["ce_id"].decode(), kpi_events.WorkContradicted.FromString(value))
        for headers, value in records
        if headers["ce_type"] == b"kieng.kpi.v1.WorkContradicted"
    ]


def test_a_foreign_claim_that_differs_is_told_and_marked_and_moves_no_number(
    settings: Settings,
) -> None:
    first, other = article("alpha/sci", quartile=1), article("beta", quartile=2)
    cells = kpi_service_pb2.GetKpisRequest(selection=SELECTION)
    with running(settings) as stack:
        wait_until(lambda: "no catalogue" in stack.unready())
        publish_catalogue(stack)
        mine = changed(OWN, 1, WORK, first, first)
        mine.submitted_by = "author-of-alpha"
        mine.verified_at.seconds = 1_750_000_000
        stack.publish(mine)
        wait_until(lambda: kpis_or_none(stack) == {"root": 1, "alpha": 1, "beta": 0})
        assert set(marks(stack).values()) == {(0, 0)}
        before = stack.call("GetKpis", cells).cells[0]

        theirs = changed("beta.0199", 1, WORK, other, other)
        theirs.submitted_by = "author-of-beta"
        theirs.verified_at.seconds = 1_750_000_001
        stack.publish(theirs)
        wait_until(lambda: stack.kpis() == {"root": 1, "alpha": 1, "beta": 1})
        assert marks(stack) == {"root": (1, 1), "alpha": (1, 1), "beta": (1, 1)}
        assert set(marks(stack, False).values()) == {None}
        assert stack.call("GetKpis", cells).cells[0] == before

        stack.publish(theirs)  # a repeat tells nothing again
        stack.publish(changed("gamma.1", 1, "doi:10.1/y", article("gamma"), article("gamma")))
        wait_until(lambda: stack.kpis()["root"] == 2)
        ((event_id, event),) = told(settings)
        assert event_id.startswith("work-contradicted:")
        assert event.leading.unit_id == "alpha/sci"
        assert event.leading.submitted_by == "author-of-alpha"
        assert event.contradicting.submission_id == "beta.0199"
        (found,) = event.differences
        assert (found.field, found.said, found.counts) == ("quartile", "q2", "q1")

        other.facts.publication.quartile = first.facts.publication.quartile
        agreed = changed("beta.0199", 2, WORK, other, other)
        agreed.verified_at.seconds = 1_750_000_001
        stack.publish(agreed)
        wait_until(lambda: set(marks(stack).values()) == {(0, 0)})
