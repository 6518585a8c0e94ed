"""The outbox relay: publishes pending events and removes those that are acknowledged."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.errors import Unavailable
from services.kernel.mongo import DOWN
from services.kernel.publisher import Event
from services.submissions import metrics
from services.submissions.store import Databases, Submissions, waiting

DOCUMENTS_MAX = 500
COUNT_SECONDS = 5.0

Publish = Callable[[Iterable[Event]], None]

log = structlog.get_logger()


class OutboxRelay:
    """The outbox relay of one process. At least once: it may repeat and reorder events.

    Consumers keep the newest version. The only state is whether a failure was logged.
    """

    def __init__(self) -> None:
        self._is_down = False
        self._rounds = 0
        self._count_at = 0.0

    def publish(self, databases: Databases, publish: Publish) -> bool:
        """Publish the pending events of every institution. Return True if more may wait.

        A failure of the broker or database is logged once and retried in the next round.
        """
        # Each round starts with another institution, so a long queue delays no other.
        self._rounds += 1
        held = databases.all()
        first = self._rounds % len(held)
        room = DOCUMENTS_MAX
        try:
            for submissions in held[first:] + held[:first]:
                room -= _publish_of(submissions, publish, room) if room else 0
            self._count(held)
        except (Unavailable, *DOWN) as error:
            if not self._is_down:
                log.warning("events wait in the outbox", reason=str(error))
            self._is_down = True
            return False
        if self._is_down:
            log.info("events are published again")
        self._is_down = False
        # Fewer than a full round: the next write wakes the next round, so rounds stay large.
        return room <= 0

    def _count(self, held: list[Submissions]) -> None:
        """Export the number of pending events; rarely, as counting costs as much as reading."""
        if time.monotonic() < self._count_at:
            return
        self._count_at = time.monotonic() + COUNT_SECONDS
        for submissions in held:
            count = submissions.count_pending()
            metrics.OUTBOX_PENDING.labels(submissions.institution_id).set(count)


class Relay(DependencyProvider):
    """Provides the process's `OutboxRelay`."""

    def setup(self) -> None:
        """Create the relay."""
        self.relay = OutboxRelay()

    def get_dependency(self, worker_ctx: WorkerContext) -> OutboxRelay:
        """Return the relay."""
        return self.relay


def _publish_of(submissions: Submissions, publish: Publish, limit: int) -> int:
    documents = submissions.pending(limit)
    events = waiting(documents)
    oldest = min((event.time for event in events), default=None)
    age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
    metrics.OUTBOX_OLDEST_SECONDS.labels(submissions.institution_id).set(age)
    if documents:
        publish(events)
        metrics.EVENTS_PUBLISHED.labels(submissions.institution_id).inc(len(events))
        submissions.clear(documents)
    return len(documents)
