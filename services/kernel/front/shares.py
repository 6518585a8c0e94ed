"""What one institution has waiting and running in the fair queues."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

HEAVY_SECONDS = 0.05
"""Mean CPU seconds of a call from which its method counts as heavy for an institution."""
HEAVY_WORKER_SECONDS = 1.0
"""The same for the time on its worker: then something else is busy with it, e.g. the database."""
LEARNING = 0.3
"""Weight of the newest call in a method's mean."""
WEIGHT_MAX = 3.0
"""Most that one call counts for, so that a single stall, e.g. of the database, says nothing."""


@dataclass(slots=True)
class Job:
    """A call's work: who asked, by which method, and what to run. ``run`` must not raise.

    A token only holds a worker for work that another thread does and is charged for.
    """

    institution_id: str
    principal: str
    method: str
    run: Callable[[], None]
    is_token: bool = False
    since: float = field(default_factory=time.monotonic)


Lane = OrderedDict[str, deque[Job]]
"""Waiting jobs by principal, in the order of their turns."""


@dataclass(slots=True)
class Share:
    """Jobs and used time of one institution; not thread-safe.

    Attributes:
        weight: its part of the workers, relative to others.
        used: seconds of workers used of late.
        seen: monotonic time of its last call.
        running, heavy: jobs that run now, and those of them that are heavy.
        waiting: whether a method is heavy -> jobs that wait.
        means: method -> mean of its last calls, as a multiple of what counts as heavy.
    """

    weight: float
    used: float = 0.0
    seen: float = 0.0
    running: int = 0
    heavy: int = 0
    waiting: dict[bool, Lane] = field(
        default_factory=lambda: {False: OrderedDict(), True: OrderedDict()}
    )
    means: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of jobs that wait."""
        return sum(len(jobs) for lane in self.waiting.values() for jobs in lane.values())

    def is_heavy(self, method: str) -> bool:
        """Return True if the institution's calls of a method take much time."""
        return self.means.get(method, 0.0) > 1.0

    def oldest(self, now: float) -> float:
        """Return the time since which a job waits; ``now`` if none does."""
        firsts = (jobs[0].since for lane in self.waiting.values() for jobs in lane.values())
        return min(firsts, default=now)

    def put(self, job: Job) -> None:
        """Append a job to its principal's queue."""
        lane = self.waiting[self.is_heavy(job.method)]
        lane.setdefault(job.principal, deque()).append(job)

    def pop(self, heavy: bool) -> Job:
        """Return the next job of a lane that is not empty; its principal goes to the end."""
        lane = self.waiting[heavy]
        principal, jobs = lane.popitem(last=False)
        job = jobs.popleft()
        if jobs:
            lane[principal] = jobs
        return job

    def charge(self, method: str, worker_seconds: float, cpu_seconds: float) -> None:
        """Add what a finished job has used: time on its worker, and CPU time of that."""
        self.used += worker_seconds
        mean = self.means.get(method, 0.0)
        weight = max(cpu_seconds / HEAVY_SECONDS, worker_seconds / HEAVY_WORKER_SECONDS)
        self.means[method] = mean + LEARNING * (min(weight, WEIGHT_MAX) - mean)
