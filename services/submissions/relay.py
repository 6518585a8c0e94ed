"""Publishes the events that wait in documents, and takes them out once they are acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.errors import Unavailable
from services.kernel.kafka import Event
from services.kernel.mongo import DOWN
from services.submissions import metrics
from services.submissions.store import Databases, Submissions, waiting

DOCUMENTS_MAX = 500

Publish = Callable[[Iterable[Event]], None]

log = structlog.get_logger()


class OutboxRelay:
    """The rounds of one process; remembers only whether the trouble was told already.

    It may repeat and reorder events: consumers go by version. It never loses one.
    """

    def __init__(self) -> None:
        self._is_down = False

    def publish(self, databases: Databases, publish: Publish) -> bool:
        """Publish what waits in every institution's database; tell whether there may be more.

        Trouble with the broker or the database is told once and tried again in the next round.
        """
        try:
            # All take part in every round, so a long queue of one does not hold up the others.
            held = databases.all()
            share = max(1, DOCUMENTS_MAX // len(held))
            found = [_publish_of(submissions, publish, share) for submissions in held]
        except (Unavailable, *DOWN) as error:
            if not self._is_down:
                log.warning("events wait in the outbox", reason=str(error))
            self._is_down = True
            return False
        if self._is_down:
            log.info("events are published again")
        self._is_down = False
        return any(found)


class Relay(DependencyProvider):
    """Provides the process's `OutboxRelay`."""

    def setup(self) -> None:
        """Make it."""
        self.relay = OutboxRelay()

    def get_dependency(self, worker_ctx: WorkerContext) -> OutboxRelay:
        """Return it."""
        return self.relay


def _publish_of(submissions: Submissions, publish: Publish, limit: int) -> bool:
    documents = submissions.pending(limit)
    institution_id = submissions.institution_id
    events = waiting(documents)
    oldest = min((event.time for event in events), default=None)
    age = (datetime.now(UTC) - oldest).total_seconds() if oldest else 0.0
    metrics.OUTBOX_OLDEST_SECONDS.labels(institution_id).set(age)
    # Counting costs a read of the index: only when there may be more than was found.
    count = len(documents) if len(documents) < limit else submissions.count_pending()
    metrics.OUTBOX_PENDING.labels(institution_id).set(count)
    if not documents:
        return False
    publish(events)
    metrics.EVENTS_PUBLISHED.labels(institution_id).inc(len(events))
    submissions.clear(documents)
    return True
