"""Institutions whose claims on one work differ: it is told and marked, and moves no number.

The numbers are those of a log that has nothing else in it, so this module has one test.
"""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaConsumer

from kieng.kpi.v1 import events_pb2 as kpi_events
from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.kpi.config import Settings
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
        ((event_id, event),) = wait_until(lambda: told(settings))
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
        wait_until(lambda: [each for each, _ in told(settings)] == [event_id])
