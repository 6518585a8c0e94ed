"""The waiting jobs and the recent usage of one institution in the fair queues."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

HEAVY_SECONDS = 0.02
"""Mean CPU seconds per call from which a method counts as heavy for an institution."""
HEAVY_WORKER_SECONDS = 1.0
"""Mean seconds on the worker per call from which a method counts as heavy even with little CPU
time, because it then keeps something else busy, e.g. the database.
"""
LEARNING = 0.3
"""Weight of the newest call in the moving average of a method."""
WEIGHT_MAX = 3.0
"""Maximum cost of one call in the average, so that a single stall does not make a method heavy."""


@dataclass(slots=True)
class Job:
    """The work of one call.

    Args:
        institution_id: institution of the caller.
        principal: subject of the caller.
        method: full name of the RPC.
        run: does the work; must not raise. Returns False if there was nothing to do any more, e.g.
            because the caller had left.
        is_token: True if the job only occupies a worker while another thread does the work and is
            charged for it.
        since: monotonic time at which the job was created.
    """

    institution_id: str
    principal: str
    method: str
    run: Callable[[], bool | None]
    is_token: bool = False
    since: float = field(default_factory=time.monotonic)


Lane = OrderedDict[str, deque[Job]]
"""Principal -> its waiting jobs, in the order in which principals take turns."""


@dataclass(slots=True)
class Share:
    """Waiting jobs and recent usage of one institution; not thread-safe.

    Attributes:
        weight: share of the workers that is due to the institution, relative to others.
        used: worker seconds used recently.
        seen: monotonic time of its last call.
        running, heavy: number of running jobs, and how many of them are heavy.
        waiting: whether the method is heavy -> waiting jobs.
        means: method -> moving average of its cost; above 1 the method counts as heavy.
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
        """Return the number of waiting jobs."""
        return sum(len(jobs) for lane in self.waiting.values() for jobs in lane.values())

    def is_heavy(self, method: str) -> bool:
        """Return True if the institution's calls of this method have turned out to be heavy.

        A method that it has not called yet is not heavy.
        """
        return self.means.get(method, 0.0) > 1.0

    def oldest(self, now: float) -> float:
        """Return the time at which the oldest waiting job was created; ``now`` if none waits.

        Args:
            now: current monotonic time.
        """
        firsts = (jobs[0].since for lane in self.waiting.values() for jobs in lane.values())
        return min(firsts, default=now)

    def put(self, job: Job) -> None:
        """Append a job to its principal's queue, among the jobs of heavy methods or the others."""
        lane = self.waiting[self.is_heavy(job.method)]
        lane.setdefault(job.principal, deque()).append(job)

    def pop(self, heavy: bool) -> Job:
        """Remove and return the next job of a lane, and move its principal to the end of the lane.

        Args:
            heavy: which lane: that of heavy methods or the other; it must not be empty.
        """
        lane = self.waiting[heavy]
        principal, jobs = lane.popitem(last=False)
        job = jobs.popleft()
        if jobs:
            lane[principal] = jobs
        return job

    def charge(self, method: str, worker_seconds: float, cpu_seconds: float) -> None:
        """Add the cost of a finished job to the institution's usage and to the method's average.

        Args:
            method: full name of the RPC.
            worker_seconds: time that the job occupied its worker.
            cpu_seconds: CPU time of that thread meanwhile.
        """
        self.used += worker_seconds
        mean = self.means.get(method, 0.0)
        weight = max(cpu_seconds / HEAVY_SECONDS, worker_seconds / HEAVY_WORKER_SECONDS)
        self.means[method] = mean + LEARNING * (min(weight, WEIGHT_MAX) - mean)
