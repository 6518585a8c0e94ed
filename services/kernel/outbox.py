"""The relay of outboxes: publishes events that wait in documents, then clears them there."""

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


class Outbox(Protocol):
    """Documents of one kind that carry unpublished events."""

    def pending(self, limit: int) -> Sequence[Any]:
        """Return at most ``limit`` documents with unpublished events."""

    def events(self, documents: Sequence[Any]) -> list[Event]:
        """Return the unpublished events of documents, in the order of each document."""

    def clear(self, documents: Sequence[Any]) -> None:
        """Record that the events of these documents are published; later ones stay pending."""


class OutboxRelay:
    """Publishes outboxes in rounds: at least once, and possibly out of order. Used by one thread.

    Args:
        on_outage: called for every round that found the broker or the database down.
    """

    def __init__(self, on_outage: Callable[[], None] | None = None) -> None:
        self._on_outage = on_outage
        self._is_down = False
        self._rounds = 0

    def run(self, outboxes: Sequence[Outbox], publish: Publish, limit: int) -> bool:
        """Publish about ``limit`` events; return True if more may be pending.

        Each round starts at the next outbox, so a long one does not hold up the others. An outage
        of the broker or the database is logged once and retried in the next round.
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
            return False
        if self._is_down:
            log.info("events are published again")
        self._is_down = False
        # After less than a full round the next write starts the next one, so rounds stay large.
        return left <= 0


def _drain(outbox: Outbox, publish: Publish, limit: int) -> int:
    documents = outbox.pending(limit)
    events = outbox.events(documents)
    if documents:
        publish(events)
        outbox.clear(documents)
    return max(len(events), len(documents))


class Relay(DependencyProvider):
    """Injects the process's `OutboxRelay`, which takes the same arguments."""

    def __init__(self, on_outage: Callable[[], None] | None = None) -> None:
        self._on_outage = on_outage

    def setup(self) -> None:
        """Create the relay; it connects to nothing by itself."""
        self.relay = OutboxRelay(self._on_outage)

    def get_dependency(self, worker_ctx: WorkerContext) -> OutboxRelay:
        """Return the relay."""
        return self.relay
