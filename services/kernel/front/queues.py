"""Fair queues: the worker threads of a process, shared between institutions by weight.

Among the institutions that have a call waiting, the next free worker goes to the one that has used
the least CPU time for its weight; within it, principals take turns. CPU time is measured, so a
dear call costs what it costs. Calls of a method that turned out to be heavy run a few at a time:
threads of one process share one core, and more of them at once only keep quick calls waiting.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

HEAVY_SECONDS = 0.05
"""Mean CPU seconds of a call from which its method counts as heavy for an institution."""
HEAVY_AT_ONCE = 2
SHARED_SECONDS = 2.0
"""Time after its last call for which an institution counts as present beside the others."""
STUCK_SECONDS = 2.0
LEARNING = 0.3
"""Weight of the newest call in a method's mean."""


@dataclass(slots=True)
class Job:
    """A call's work: who asked, by which method, and what to run. ``run`` must not raise."""

    institution_id: str
    principal: str
    method: str
    run: Callable[[], None]
    since: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Share:
    """What one institution has waiting and running, and the CPU time it has used."""

    weight: float
    used: float = 0.0
    running: int = 0
    seen: float = 0.0
    waiting: dict[bool, OrderedDict[str, deque[Job]]] = field(
        default_factory=lambda: {False: OrderedDict(), True: OrderedDict()}
    )
    means: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of jobs that wait."""
        return sum(len(jobs) for lane in self.waiting.values() for jobs in lane.values())

    def is_heavy(self, method: str) -> bool:
        """Return True if the institution's calls of a method take much CPU time."""
        return self.means.get(method, 0.0) > HEAVY_SECONDS

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

    def charge(self, method: str, seconds: float) -> None:
        """Add the CPU time of a finished job."""
        self.used += seconds / self.weight
        mean = self.means.get(method, 0.0)
        self.means[method] = mean + LEARNING * (seconds - mean)


class FairQueues:
    """Worker threads, and the queues that they take jobs from. Thread-safe.

    Args:
        workers: number of threads.
        weights: weight of an institution; 1 for one that is not named.
    """

    def __init__(self, workers: int, weights: Mapping[str, float]) -> None:
        self._weights = weights
        self._changed = threading.Condition(threading.Lock())
        self._shares: dict[str, Share] = {}
        self._heavy = 0
        self._stopping = False
        self._taken = time.monotonic()
        self.workers = workers
        self._threads = [
            threading.Thread(target=self._work, name=f"grpc-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the worker threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Let the workers end what is waiting, then stop them; wait at most this long."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def put(self, job: Job) -> None:
        """Queue a job; returns at once."""
        with self._changed:
            share = self._shares.get(job.institution_id)
            if share is None:
                weight = self._weights.get(job.institution_id, 1.0)
                share = self._shares[job.institution_id] = Share(weight)
            if not share.running and not any(share.waiting.values()):
                # Who was away has not saved up what the others used meanwhile.
                busy = [
                    s.used for s in self._shares.values() if s.running or any(s.waiting.values())
                ]
                share.used = max(share.used, min(busy, default=share.used))
            share.seen = job.since
            share.put(job)
            self._changed.notify()

    def saturation(self) -> str:
        """Return what is wrong if calls wait and no worker takes one; empty if all is well."""
        with self._changed:
            firsts = [
                jobs[0].since
                for share in self._shares.values()
                for lane in share.waiting.values()
                for jobs in lane.values()
            ]
            waited = time.monotonic() - max(min(firsts, default=time.monotonic()), self._taken)
            if waited < STUCK_SECONDS:
                return ""
            return (
                f"saturated: {self.workers} workers are busy, no call was taken for {waited:.0f} s"
            )

    def waiting(self) -> int:
        """Return how many calls wait for a worker."""
        with self._changed:
            return sum(map(len, self._shares.values()))

    def waiting_of(self, institution_id: str) -> int:
        """Return how many calls of an institution wait for a worker."""
        with self._changed:
            return len(self._shares.get(institution_id, ()))

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            share, job, heavy = taken
            begin = time.thread_time()
            job.run()
            spent = time.thread_time() - begin
            with self._changed:
                share.charge(job.method, spent)
                share.running -= 1
                if heavy:
                    self._heavy -= 1
                self._changed.notify()

    def _take(self) -> tuple[Share, Job, bool] | None:
        with self._changed:
            while (chosen := self._next()) is None:
                if self._stopping:
                    return None
                self._changed.wait()
            share, heavy = chosen
            share.running += 1
            self._heavy += heavy
            self._taken = time.monotonic()
            return share, share.pop(heavy), heavy

    def _next(self) -> tuple[Share, bool] | None:
        now = time.monotonic()
        present = sum(now - share.seen < SHARED_SECONDS for share in self._shares.values())
        chosen = None
        for share in self._shares.values():
            # One alone may have all workers; beside others it leaves them theirs.
            if share.running >= (self.workers if present < 2 else max(1, self.workers // 4)):
                continue
            quick = bool(share.waiting[False])
            if not quick and not (share.waiting[True] and self._heavy < HEAVY_AT_ONCE):
                continue
            if chosen is None or share.used < chosen[0].used:
                chosen = share, not quick
        return chosen
