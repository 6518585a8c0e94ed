"""Fair queues, which share the worker threads of a process between institutions by weight.

Among the institutions with a waiting call, the next free worker goes to the one that recently used
the least worker time in proportion to its weight; within an institution, principals take turns.
Time is measured, so an expensive call counts for what it costs, in subprocesses, too. Threads of
one process share one core, and all processes share one database and, on one machine, its
processors; so an institution that calls any process of the machine is present beside others. Two
kinds of calls are therefore limited: calls of methods that are heavy, i.e. use much of either or
have never been measured, and, while the workers are busy, calls of an institution that exceeds its
share while others are present. What a method costs an institution says nothing about its calls by
another, except before the first of these has ended. The worker that ran such a call for an
institution above its share then rests for as long as the call took. So these calls keep core and
database busy at most half of the time, however many there are.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from services.kernel.front.charging import spent
from services.kernel.front.presence import PRESENT_SECONDS, Presence
from services.kernel.front.shares import Costs, Job, Share

HEAVY_AT_ONCE = 4
HEAVY_AT_ONCE_EACH = 2
"""Maximum number of heavy calls that an institution runs at once if no other is present; else 1."""
LEFT_TO_OTHERS = 4
"""One in so many workers is never taken by the institution that has the others: a call may cost far
more than calls of its method did before, and meanwhile the calls of others must not wait.
"""
SQUEEZED = 2
"""Number of workers left to an institution above its share while the workers are busy and other
institutions are present.
"""
BUSY = 1.0
"""Mean number of running calls from which the workers count as busy."""
FORGET_SECONDS = 5.0
"""Time constant with which used time decays: after it, about a third still counts."""
STUCK_SECONDS = 2.0
HELD_SECONDS_MAX = 2.0
"""Maximum time for which one step of a stream occupies a worker, as it may wait for its caller."""
LOOK_SECONDS = 0.5
"""Interval at which a step that waits for its turn checks whether its caller is still there."""
REST_SECONDS_MAX = 1.0
"""Maximum time for which a worker rests after a call, see the module."""
SHARES_MAX = 1000


class Load(NamedTuple):
    """Recent usage of the worker threads by the institutions that are present on the machine.

    Attributes:
        present: number of these institutions; those that call other processes only use nothing.
        used: worker seconds that they used recently, together.
        weights: sum of their weights.
    """

    present: int
    used: float
    weights: float

    @property
    def is_busy(self) -> bool:
        """Whether more than `BUSY` calls ran at once on average recently."""
        return self.used > BUSY * FORGET_SECONDS

    def exceeds(self, share: Share) -> bool:
        """Return True if an institution used more worker time than its weight entitles it to.

        That is more, in proportion to its weight, than the institutions that are present used
        together. Always False while no other institution is present.
        """
        return self.present > 1 and share.used * self.weights > self.used * share.weight


class FairQueues:
    """Worker threads, and the queues from which they take jobs. Thread-safe.

    Args:
        name: prefix of the names of the threads.
        workers: number of threads.
        weights: institution id -> its weight; 1 if not listed.
        presence: the institutions that call other processes of the machine.
    """

    def __init__(
        self,
        name: str,
        workers: int,
        weights: Mapping[str, float],
        presence: Presence | None = None,
    ) -> None:
        self.workers = workers
        self._weights = weights
        self._presence = presence or Presence(None)
        self._changed = threading.Condition(threading.Lock())
        self._shares: dict[str, Share] = {}
        self._costs = Costs()
        self._heavy = 0
        self._stopping = False
        self._taken = self._decayed = time.monotonic()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True)
            for number in range(workers)
        ]

    def start(self) -> None:
        """Start the worker threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float) -> None:
        """Let the workers finish all waiting jobs, then stop them.

        Args:
            seconds: maximum time to wait for this; workers that take longer are left running.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def put(self, job: Job) -> None:
        """Queue a job for the worker threads; returns at once."""
        with self._changed:
            share = self._share(job.institution_id)
            share.seen = job.since
            share.put(job)
            self._changed.notify()

    @contextmanager
    def turn(
        self,
        institution_id: str,
        principal: str,
        method: str,
        is_wanted: Callable[[], bool],
        may_wait: bool = False,
    ) -> Iterator[bool]:
        """Charge an institution for a block on the calling thread, e.g. one step of a stream.

        If the method is heavy, the block first waits for a worker and occupies it until it ends. So
        does a block that may wait, if the institution exceeds its share of busy workers. Yields
        False, at once, if the caller has left meanwhile: the block then has no turn and must do
        nothing.

        Args:
            institution_id: institution to charge.
            principal: subject of the caller, who takes turns with others of the institution.
            method: full name of the RPC.
            is_wanted: called while waiting; returns False once the caller has left.
            may_wait: whether the block works, and does not only show what has changed.
        """
        granted, over = threading.Event(), threading.Event()

        def hold() -> None:
            granted.set()
            over.wait(HELD_SECONDS_MAX)

        with self._changed:
            share = self._share(institution_id)
            load = self._load()
            is_limited = may_wait and load.is_busy and load.exceeds(share)
            cost = self._cost(share, method) or 0.0
        if is_limited or cost > 1.0:
            self.put(Job(institution_id, principal, method, hold, is_token=True))
            while is_wanted() and not granted.wait(LOOK_SECONDS):
                pass
        begin = spent()
        try:
            yield (was_wanted := is_wanted())
        finally:
            over.set()
            with self._changed:
                # Only CPU time counts: a stream mostly waits, which costs others nothing.
                cpu = spent() - begin
                share.used += cpu
                if was_wanted:
                    self._learn(share, method, cpu, cpu)

    def saturation(self) -> str:
        """Return a text about the shortage if calls wait but none was taken for `STUCK_SECONDS`.

        Return an empty text otherwise.
        """
        now = time.monotonic()
        with self._changed:
            oldest = min((share.oldest(now) for share in self._shares.values()), default=now)
            seconds = now - max(oldest, self._taken)
        if seconds < STUCK_SECONDS:
            return ""
        return f"saturated: {self.workers} workers are busy, none took a call for {seconds:.0f} s"

    def waiting(self) -> int:
        """Return the number of jobs that wait for a worker."""
        with self._changed:
            return sum(map(len, self._shares.values()))

    def _share(self, institution_id: str) -> Share:
        share = self._shares.get(institution_id)
        if share is None:
            if len(self._shares) >= SHARES_MAX:
                self._shares = {k: s for k, s in self._shares.items() if len(s) or s.running}
            weight = self._weights.get(institution_id, 1.0)
            share = self._shares[institution_id] = Share(weight)
        return share

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            share, job, heavy = taken
            self._presence.note(job.institution_id)
            begin, cpu_begin = time.monotonic(), spent()
            was_wanted = job.run() is not False
            took, cpu = time.monotonic() - begin, spent() - cpu_begin
            with self._changed:
                if not job.is_token:
                    share.used += took
                # A call that was not answered says nothing about what its method costs.
                if was_wanted and not job.is_token:
                    self._learn(share, job.method, took, cpu)
                load = self._load()
                is_limited = (heavy or load.is_busy) and load.exceeds(share)
                rest = min(took, REST_SECONDS_MAX) if is_limited else 0.0
                share.used += rest
            if rest:
                time.sleep(rest)
            with self._changed:
                share.running -= 1
                share.heavy -= heavy
                self._heavy -= heavy
                self._changed.notify()

    def _take(self) -> tuple[Share, Job, bool] | None:
        with self._changed:
            while (chosen := self._next()) is None:
                if self._stopping:
                    return None
                self._changed.wait()
            share, method, heavy = chosen
            share.running += 1
            share.heavy += heavy
            self._heavy += heavy
            self._taken = time.monotonic()
            if len(share) > 1:
                # Several may have to wait no more at once, e.g. as their method turned out light.
                self._changed.notify()
            return share, share.pop(method), heavy

    def _next(self) -> tuple[Share, str, bool] | None:
        """Return the next share to serve, its method, and whether that is heavy; None to wait."""
        now = time.monotonic()
        if (elapsed := now - self._decayed) > 0.1:
            self._decayed = now
            for share in self._shares.values():
                share.used *= math.exp(-elapsed / FORGET_SECONDS)
        load, best = self._load(), None
        for share in self._shares.values():
            chosen = self._method(share, load.present < 2)
            most = self.workers - self.workers // LEFT_TO_OTHERS
            if load.is_busy and load.exceeds(share):
                most = SQUEEZED
            if chosen is None or share.running >= most:
                continue
            if best is None or share.used / share.weight < best[0].used / best[0].weight:
                best = share, *chosen
        return best

    def _load(self) -> Load:
        since = time.monotonic() - PRESENT_SECONDS
        present = {name: share for name, share in self._shares.items() if share.seen > since}
        elsewhere = [name for name in self._presence.institutions if name not in present]
        used = sum(share.used for share in present.values())
        weights = sum(share.weight for share in present.values())
        weights += sum(self._weights.get(name, 1.0) for name in elsewhere)
        return Load(len(present) + len(elsewhere), used, weights)

    def _method(self, share: Share, is_alone: bool) -> tuple[str, bool] | None:
        """Return the method of an institution's next job, and whether it is heavy; None if none."""
        for method in share.waiting:
            cost = self._cost(share, method)
            if cost is not None and cost <= 1.0:
                return method, False
        most = HEAVY_AT_ONCE_EACH if is_alone else 1
        is_free = self._heavy < HEAVY_AT_ONCE and share.heavy < most
        return (next(iter(share.waiting)), True) if share.waiting and is_free else None

    def _cost(self, share: Share, method: str) -> float | None:
        own = share.costs.of(method)
        return self._costs.of(method) if own is None else own

    def _learn(self, share: Share, method: str, worker_seconds: float, cpu_seconds: float) -> None:
        for costs in (share.costs, self._costs):
            costs.add(method, worker_seconds, cpu_seconds)
