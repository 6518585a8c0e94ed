"""Who may try which events on the live view, over the running service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2 as api
from kieng.kpi.v1 import kpi_service_pb2_grpc
from kieng.submissions.v1 import events_pb2
from services.kpi.config import Settings
from services.kpi.providers import Previews
from tests.integration.kpi import tokens
from tests.integration.kpi.api.test_catalogues import at_rest, fresh_broker, mongo
from tests.integration.kpi.test_service import Stack, publish_catalogue, running, settings
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

__all__ = ["fresh_broker", "mongo", "settings"]


def call(
    stack: Stack,
    requests: Iterator[api.TryEventsRequest],
    institution: str = "alpha",
    role: str = "contributor",
    unit: str = "",
) -> Any:
    stub = kpi_service_pb2_grpc.KpiServiceStub(stack.channel)
    credential = tokens.credential(institution, role, unit=unit)
    return stub.TryEvents(requests, timeout=60, metadata=credential)


def tried(
    stack: Stack, event: events_pb2.SubmissionChanged, **caller: str
) -> list[api.TryEventsResponse]:
    request = api.TryEventsRequest(submitted=[event.SerializeToString()])
    return list(call(stack, iter([request]), **caller))


def code(stack: Stack, event: events_pb2.SubmissionChanged, **caller: str) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as refused:
        tried(stack, event, **caller)
    found: grpc.StatusCode = refused.value.code()
    return found


def test_events_are_tried_by_those_who_may_say_them(settings: Settings) -> None:
    denied = grpc.StatusCode.PERMISSION_DENIED
    with running(settings) as stack:
        publish_catalogue(stack)
        stack.publish(changed("s0", 1, "doi:10.1/a", article()))
        at_rest(stack, 1)
        own = changed("s1", 1, "doi:10.1/b", article("alpha/sci"))
        *_, last = tried(stack, own, unit="alpha/sci")
        assert last.result.events == 1
        assert last.result.view.progress[0].next_offset == 1
        assert code(stack, own, unit="alpha/eng") == denied
        assert code(stack, own, institution="beta") == denied
        assert code(stack, own, role="viewer") == denied
        # A retraction names no unit, but whose it is.
        retraction = changed("s0", 2, "doi:10.1/a", institution="alpha")
        effects = [effect for step in tried(stack, retraction) for effect in step.effects]
        assert any(effect.before != effect.once_submitted for effect in effects)
        assert code(stack, retraction, institution="beta") == denied
        # Who speaks for another institution with a unit of his own is not counted.
        false = changed("s1", 1, "doi:10.1/b", article("alpha/sci"), institution="beta")
        assert code(stack, false) == denied
        nothing_else_waits(stack, own)


def nothing_else_waits(stack: Stack, own: events_pb2.SubmissionChanged) -> None:
    """A preview that is still being sent keeps out another of its institution, and no other's."""
    may_end = threading.Event()

    def slowly() -> Iterator[api.TryEventsRequest]:
        for _ in range(2):
            yield api.TryEventsRequest(submitted=[own.SerializeToString()])
            may_end.wait(30)

    found: list[api.TryEventsResponse] = []
    slow = threading.Thread(target=lambda: found.extend(call(stack, slowly())))
    (previews,) = [each for each in stack.query.extensions if isinstance(each, Previews)]
    slow.start()
    wait_until(previews._of["alpha"]._busy.locked)
    assert code(stack, own) == grpc.StatusCode.RESOURCE_EXHAUSTED
    other = changed("s2", 1, "doi:10.1/b", article("beta/one"))
    assert tried(stack, other, institution="beta")[-1].result.events == 1
    may_end.set()
    slow.join()
    assert found[-1].result.events == 2
