"""Institutions that share a running service: what one forges moves no number of another."""

from __future__ import annotations

from kieng.kpi.v1 import parked_service_pb2
from kieng.kpi.v1.parked_service_pb2_grpc import ParkedServiceStub
from kieng.submissions.v1 import events_pb2
from services.kernel.publisher import Event
from services.kpi.config import Settings
from services.kpi.log.topic import SUBMISSIONS
from tests.integration.kpi import tokens
from tests.integration.kpi.test_service import (
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
