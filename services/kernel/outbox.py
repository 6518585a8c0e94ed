"""The relay of outboxes: publishes events that wait in documents, then removes them there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.errors import Unavailable
from services.kernel.mongo import DOWN
from services.kernel.publisher import Event

Publish = Callable[[Iterable[Event]], None]

log = structlog.get_logger()

SOON_SECONDS = 0.5
"""Pause before the next round while the broker or the database is down, and after news."""


class Outbox(Protocol):
    """Documents of one kind that may contain unpublished events."""

    def pending(self, limit: int) -> Sequence[Any]:
        """Return at most ``limit`` documents with unpublished events; empty if there are none."""

    def events(self, documents: Sequence[Any]) -> list[Event]:
        """Return all unpublished events of documents, in order within each document."""

    def clear(self, documents: Sequence[Any]) -> None:
        """Remove the published events from these documents; events added since stay pending."""


class OutboxRelay:
    """Publishes the events of outboxes: at least once, possibly out of order. Not thread-safe.

    Args:
        on_outage: called in every round in which the broker or the database is down.
    """

    def __init__(self, on_outage: Callable[[], None] | None = None) -> None:
        self._on_outage = on_outage
        self._is_down = False
        self._rounds = 0

    def run(self, outboxes: Sequence[Outbox], publish: Publish, limit: int) -> float | None:
        """Run one round: publish about ``limit`` events, then remove them from their documents.

        Each round starts with the next outbox, so that a long one does not delay the others. An
        outage of the broker or the database is logged once, and the next round tries again.

        Args:
            outboxes: the outboxes to serve.
            publish: publishes events; raises Unavailable if the broker does not acknowledge.
            limit: number of events at which the round ends.

        Returns:
            Seconds after which to run the next round, as `Repeat` takes them: 0 if the limit was
                reached, so that more events may be pending; `SOON_SECONDS` during an outage, and
                after a round that published anything; otherwise None.
        """
        self._rounds += 1
        first = self._rounds % len(outboxes) if outboxes else 0
        left = limit
        try:
            for outbox in (*outboxes[first:], *outboxes[:first]):
                left -= _drain(outbox, publish, left) if left > 0 else 0
        except (Unavailable, *DOWN) as error:
            if self._on_outage:
                self._on_outage()
            if not self._is_down:
                log.warning("events wait in the outbox", reason=str(error))
            self._is_down = True
            return SOON_SECONDS
        if self._is_down:
            log.info("events are published again")
        self._is_down = False
        if left <= 0:
            return 0.0
        # After a round that was not full the next write starts one, so that rounds stay large. The
        # look after it finds that nothing waits any more, which ends an overload.
        return SOON_SECONDS if left < limit else None


def _drain(outbox: Outbox, publish: Publish, limit: int) -> int:
    documents = outbox.pending(limit)
    events = outbox.events(documents)
    if documents:
        publish(events)
        outbox.clear(documents)
    return max(len(events), len(documents))


class Relay(DependencyProvider):
    """Injects the process's `OutboxRelay`.

    Args:
        on_outage: called in every round in which the broker or the database is down.
    """

    def __init__(self, on_outage: Callable[[], None] | None = None) -> None:
        self._on_outage = on_outage

    def setup(self) -> None:
        """Create the relay. It opens no connection of its own."""
        self.relay = OutboxRelay(self._on_outage)

    def get_dependency(self, worker_ctx: WorkerContext) -> OutboxRelay:
        """Return the relay; every worker gets the same one."""
        return self.relay
