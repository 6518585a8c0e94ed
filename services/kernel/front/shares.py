"""The waiting jobs and the recent usage of one institution in the fair queues."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

HEAVY_SECONDS = 0.01
"""CPU seconds of a call whose cost is 1."""
HEAVY_WORKER_SECONDS = 1.0
"""Seconds on the worker of a call whose cost is 1 even with little CPU time, because it then keeps
something else busy, e.g. the database.
"""
LEARNING = 0.3
"""Weight of the newest call in the moving average of a method."""
COST_MAX = 3.0
"""Maximum cost of one call in the average, so that a single stall does not make a method heavy."""


@dataclass(slots=True)
class Job:
    """The work of one call.

    Args:
        institution_id: institution of the caller.
        principal: subject of the caller.
        method: full name of the RPC.
        run: does the work; must not raise. Returns False if it was not done to the end because the
            caller had left.
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


class Costs:
    """Moving averages of what calls cost, by method; above 1 a method is heavy. Not thread-safe."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def of(self, method: str) -> float | None:
        """Return the mean cost of a method's calls; None if none has ended yet."""
        return self._means.get(method)

    def add(self, method: str, worker_seconds: float, cpu_seconds: float) -> None:
        """Add the cost of an ended call to the average of its method.

        Args:
            method: full name of the RPC.
            worker_seconds: time that the call occupied its worker.
            cpu_seconds: CPU time of that thread meanwhile.
        """
        of_cpu = min(cpu_seconds / HEAVY_SECONDS, COST_MAX)
        cost = max(of_cpu, min(worker_seconds / HEAVY_WORKER_SECONDS, COST_MAX))
        mean = self._means.get(method, 0.0)
        # CPU time is no stall of something else, so the first call already says enough.
        least = 0.0 if method in self._means else of_cpu
        self._means[method] = max(mean + LEARNING * (cost - mean), least)


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
        waiting: method -> its waiting jobs, in the order in which methods take turns.
        costs: what its calls cost.
    """

    weight: float
    used: float = 0.0
    seen: float = 0.0
    running: int = 0
    heavy: int = 0
    waiting: OrderedDict[str, Lane] = field(default_factory=OrderedDict)
    costs: Costs = field(default_factory=Costs)

    def __len__(self) -> int:
        """Return the number of waiting jobs."""
        return sum(len(jobs) for lane in self.waiting.values() for jobs in lane.values())

    def oldest(self, now: float) -> float:
        """Return the time at which the oldest waiting job was created; ``now`` if none waits.

        Args:
            now: current monotonic time.
        """
        firsts = (jobs[0].since for lane in self.waiting.values() for jobs in lane.values())
        return min(firsts, default=now)

    def put(self, job: Job) -> None:
        """Append a job to the queue of its method and principal."""
        lane = self.waiting.setdefault(job.method, OrderedDict())
        lane.setdefault(job.principal, deque()).append(job)

    def pop(self, method: str) -> Job:
        """Remove and return the next job of a method; others of the method and principal go last.

        Args:
            method: full name of the RPC; one of its jobs must wait.
        """
        lane = self.waiting.pop(method)
        principal, jobs = lane.popitem(last=False)
        job = jobs.popleft()
        if jobs:
            lane[principal] = jobs
        if lane:
            self.waiting[method] = lane
        return job
