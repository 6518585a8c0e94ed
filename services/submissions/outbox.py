"""The outboxes of institutions: unpublished events, which are stored in their submissions."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.publisher import Event
from services.submissions import metrics
from services.submissions.backlog import LATE_SECONDS
from services.submissions.documents import waiting
from services.submissions.store import Databases, Submissions

DOCUMENTS_MAX = 500
COUNT_SECONDS = 5.0
HUNG_SECONDS = 60.0
"""Time after a hanging step within which a second one means a slow machine, not an outage."""


@dataclass
class Outage:
    """The last outage of broker or database, known to all outboxes that one relay serves in turn.

    ``is_open`` is true from the beginning of a round until it has succeeded. ``until`` is the end
    of the last outage, in UTC; the time before the start of the process counts as one. ``hung_at``
    is the monotonic time at which a step last took longer than `LATE_SECONDS`.
    """

    is_open: bool = False
    until: datetime = field(default_factory=lambda: datetime.now(UTC))
    hung_at: float = -math.inf

    def note_step(self, began: float) -> None:
        """Record that a step which began at the monotonic time ``began`` has succeeded.

        A step that took longer than `LATE_SECONDS` was an outage, unless another one hung within
        `HUNG_SECONDS` before it.
        """
        now = time.monotonic()
        if now - began > LATE_SECONDS:
            if began - self.hung_at > HUNG_SECONDS:
                self.until = datetime.now(UTC)
            self.hung_at = now


class SubmissionOutbox:
    """The outbox of one institution, as the relay of the kernel reads it; also sets its metrics.

    Implements `services.kernel.outbox.Outbox`.

    Args:
        submissions: the submissions of the institution.
        outage: shared by the outboxes of one relay.
    """

    def __init__(self, submissions: Submissions, outage: Outage) -> None:
        self._submissions = submissions
        self._institution_id = submissions.institution_id
        self._count_at = 0.0
        self._late_seconds = 0.0
        self._publishes_since = 0.0
        self._outage = outage

    def pending(self, limit: int) -> list[dict[str, Any]]:
        """Return at most about ``limit`` documents with unpublished events; update the gauges."""
        was_down, self._outage.is_open = self._outage.is_open, True
        began = time.monotonic()
        documents = self._submissions.pending(limit)
        self._outage.note_step(began)
        # Taken after the read: while the database is away, the read waits, as do all who write.
        now = datetime.now(UTC)
        if was_down:
            self._outage.until = now
        times = [entry["time"] for each in documents for entry in each["outbox"]]
        age = (now - min(times, default=now)).total_seconds()
        metrics.OUTBOX_OLDEST_SECONDS.labels(self._institution_id).set(age)
        # Events that waited for a broker or service that was down say nothing about the load now.
        since = (each for each in times if each > self._outage.until)
        self._late_seconds = (now - min(since, default=now)).total_seconds()
        self._count()
        self._outage.is_open = bool(documents)
        if not documents:
            self._submissions.backlog.note(0.0)  # nothing waits any more
        self._publishes_since = time.monotonic()
        return documents

    def events(self, documents: Sequence[dict[str, Any]]) -> list[Event]:
        """Return the unpublished events of documents, document by document, each oldest first."""
        return waiting(documents)

    def clear(self, documents: Sequence[dict[str, Any]]) -> None:
        """Remove the events of documents, as `pending` returned them, which are published now.

        Also counts these events as published. Events added since stay.
        """
        self._outage.note_step(self._publishes_since)
        published = sum(len(each["outbox"]) for each in documents)
        metrics.EVENTS_PUBLISHED.labels(self._institution_id).inc(published)
        self._submissions.clear(documents)
        self._submissions.backlog.note(self._late_seconds)
        self._outage.is_open = False

    def _count(self) -> None:
        # At intervals, because counting costs as much as reading.
        if time.monotonic() >= self._count_at:
            self._count_at = time.monotonic() + COUNT_SECONDS
            count = self._submissions.count_pending()
            metrics.OUTBOX_PENDING.labels(self._institution_id).set(count)


class Outboxes(DependencyProvider):
    """Injects itself: keeps one outbox per institution; see `of`."""

    def setup(self) -> None:
        """Start without outboxes; `of` creates each when it is first needed."""
        self._known: dict[str, SubmissionOutbox] = {}
        self._outage = Outage()

    def get_dependency(self, worker_ctx: WorkerContext) -> Outboxes:
        """Return the provider itself."""
        return self

    def of(self, databases: Databases) -> list[SubmissionOutbox]:
        """Return the outbox of each institution in ``databases``, in their order.

        An institution has the same outbox at every call.
        """
        return [
            self._known.setdefault(each.institution_id, SubmissionOutbox(each, self._outage))
            for each in databases.all()
        ]
