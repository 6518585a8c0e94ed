"""More is offered than can be published: refused with a time, and nothing accepted is late or lost.

The broker takes one event for every two answers, so that twice what it takes is offered, however
fast the machine is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count

import grpc
import pytest

from kieng.submissions.v1 import events_pb2
from services.kernel.publisher import Event
from services.submissions import backlog
from tests.benchmark.sizing import retry_after
from tests.integration.submissions.conftest import Running
from tests.integration.submissions.test_service import create
from tests.waiting import SECONDS, wait_until

CALLERS = 12
LATE_SECONDS = 0.3
REFUSALS = 60
FRESH_SECONDS_MAX = 15.0
"""Far beyond `LATE_SECONDS`, as a round that is being published is finished, and the machine may be
busy; without refusals it would grow for as long as too much is offered."""
ANSWERS_PER_EVENT = 2


class SlowBroker:
    """Takes events at a fraction of the rate at which callers are answered, until `recover`."""

    def __init__(self) -> None:
        self.ages: dict[str, float] = {}
        self._answers = count(1)
        self._room = threading.Semaphore(0)
        self._is_quick = threading.Event()

    def answered(self) -> None:
        """A caller was answered."""
        if next(self._answers) % ANSWERS_PER_EVENT == 0:
            self._room.release()

    def publish(self, events: Iterable[Event]) -> None:
        """Take events; remember how old they were."""
        for event in events:
            while not self._is_quick.is_set() and not self._room.acquire(timeout=0.1):
                pass
            changed = events_pb2.SubmissionChanged.FromString(event.value)
            age = datetime.now(UTC) - event.time
            self.ages[changed.submission_id] = age.total_seconds()

    def recover(self) -> None:
        """Take everything at once from now on."""
        self._is_quick.set()


def published(service: Running) -> set[str]:
    """Ids of the submissions in the log of the service's usual broker."""
    events = (events_pb2.SubmissionChanged.FromString(e.value) for e in service.broker.events)
    return {event.submission_id for event in events}


def test_what_cannot_be_published_in_time_is_refused_until_it_can_be(
    service: Running, monkeypatch: pytest.MonkeyPatch, measured: Callable[[str], None]
) -> None:
    broker, author = SlowBroker(), service.author
    # A round that is running keeps the broker that it began with, until it has published.
    first = create(author).submission_id
    wait_until(lambda: first in published(service), what="the service has started")
    monkeypatch.setattr(service.broker, "publish", broker.publish)
    monkeypatch.setattr(backlog, "LATE_SECONDS", LATE_SECONDS)
    accepted: list[str] = []
    refused: list[float] = []
    codes = set[grpc.StatusCode]()

    until = time.monotonic() + SECONDS

    def offer() -> None:
        while len(refused) < REFUSALS and time.monotonic() < until:
            try:
                accepted.append(create(author).submission_id)
            except grpc.RpcError as error:
                codes.add(error.code())
                refused.append(retry_after(error))
            broker.answered()

    with ThreadPoolExecutor(CALLERS) as pool:
        for offered in [pool.submit(offer) for _ in range(CALLERS)]:
            offered.result()
    assert len(refused) >= REFUSALS
    assert codes == {grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert min(refused) >= LATE_SECONDS
    broker.recover()
    began = time.monotonic()
    wait_until(lambda: set(accepted) <= set(broker.ages), what="all that was accepted is published")

    def is_taken() -> bool:
        try:
            accepted.append(create(author).submission_id)
        except grpc.RpcError:
            return False
        return True

    wait_until(is_taken, what="submissions are accepted again")
    again = time.monotonic() - began
    oldest = max(broker.ages.values())
    measured(
        f"twice what the broker takes: {len(accepted)} accepted, {len(refused)} refused, "
        f"published after at most {oldest:.1f} s; accepted again after {again:.1f} s"
    )
    assert oldest <= FRESH_SECONDS_MAX
    wait_until(lambda: set(accepted) <= set(broker.ages), what="the last one is published")
    assert set(broker.ages) <= set(accepted)
