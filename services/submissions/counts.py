"""Exports how many submissions are in each state and how long the oldest awaits a decision."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.metrics import show
from services.submissions import metrics
from services.submissions.domain.submission import State
from services.submissions.store import Databases

INTERVAL_SECONDS = 30.0
SHARE_OF_TIME_MAX = 0.005
"""Maximum share of time spent on counting; a large database is therefore counted less often."""

WAITING = (State.SUBMITTED, State.UNIT_APPROVED)
"""States in which a submission awaits a decision."""


class Counter:
    """Counts submissions when a count is due, and sets the gauges. Not thread-safe.

    Args:
        clock: returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = 0.0

    def count(self, databases: Databases, now: datetime) -> bool:
        """Count every institution's submissions if a count is due, and return whether it was.

        ``now`` is the time, in UTC, from which the ages of submissions are computed.
        """
        begin = self._clock()
        if begin < self._due:
            return False
        counts: dict[tuple[str, str], float] = {}
        ages: dict[tuple[str, str], float] = {}
        for submissions in databases.all():
            census = submissions.census()
            for state in State:
                number, oldest = census.get(state, (0, now))
                labels = (submissions.institution_id, state.name.lower())
                counts[labels] = number
                if state in WAITING:
                    ages[labels] = max(0.0, (now - oldest).total_seconds())
        show(metrics.SUBMISSIONS, counts)
        show(metrics.REVIEW_OLDEST_SECONDS, ages)
        end = self._clock()
        self._due = end + max(INTERVAL_SECONDS, (end - begin) / SHARE_OF_TIME_MAX)
        return True


class Census(DependencyProvider):
    """Injects a function that counts the submissions of all databases; see `Counter.count`."""

    def setup(self) -> None:
        """Create the counter of this process; its first count is due at once."""
        self.counter = Counter()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Databases], bool]:
        """Return a function that counts the submissions of databases, unless no count is due.

        It returns whether a count was due.
        """
        return lambda databases: self.counter.count(databases, datetime.now(UTC))
