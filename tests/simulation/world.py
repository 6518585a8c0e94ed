"""One seeded scheduler: processes are greenlets, every read and write may switch or crash.

A seed reproduces a run bit for bit: nothing here reads a clock, and the trace hash says so.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from concurrent import futures
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

T = TypeVar("T")

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
STEPS_MAX = 60_000
CALM_FROM = 20_000
"""Twice as many steps as the longest of 200 runs takes. From here on no process is killed: a load
in ten shards takes hundreds of steps, and would not get through for as long as it may be killed."""
ZOMBIES_FROM = frozenset(("committed", "find pointer"))
REST_STEPS = 20
"""How long a process does nothing, at most, that asks again and again: most steps are others'."""


class Stuck(RuntimeError):
    """The run does not end."""


class Crash(BaseException):
    """The process is killed here; not an `Exception`, so that no handler of the product sees it."""


class World:
    """Runs processes in an order that the seed decides.

    Args:
        seed: decides everything.
        crash_rate: chance that a process is killed at one read or write.
    """

    def __init__(self, seed: int, crash_rate: float) -> None:
        self.random = random.Random(seed)
        self.crash_rate = crash_rate
        self.crashes = 0
        self.steps = 0
        self._trace = hashlib.sha256()
        self._hub = getcurrent()
        self._processes: dict[str, tuple[greenlet, Callable[[], None]]] = {}
        self._names: list[str] = []
        """Names of the processes, sorted."""
        self._threads: dict[str, list[greenlet]] = {}
        self._stalled: dict[str, int] = {}
        self._running = ""
        self._is_dying = False

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """Start a process; one that crashes starts again from the beginning of its body."""
        self._processes[name] = (greenlet(body, parent=self._hub), body)
        self._names = sorted(self._processes)

    def run(self) -> None:
        """Run until every process has returned."""
        try:
            self._run()
        finally:
            self._end()

    def _end(self) -> None:
        """Kill what is left: collected during a later run, it would go on in the middle of that."""
        self._is_dying = True
        for name, (process, _) in self._processes.items():
            self._kill(name, process)
        for threads in self._threads.values():
            for thread in threads:
                with suppress(Crash):
                    thread.throw(Crash)

    def _run(self) -> None:
        while self._processes:
            self._running = name = self._pick()
            process, body = self._processes[name]
            try:
                self._thread_of(name, process).switch()
            except Crash:
                self.crashes += 1
                self._kill(name, process)
                self._is_dying = False
                self.spawn(name, body)
                continue
            if process.dead:
                del self._processes[name]
                self._names.remove(name)

    def _thread_of(self, name: str, process: greenlet) -> greenlet:
        if name not in self._threads:
            return process
        threads = [thread for thread in self._threads[name] if not thread.dead]
        if not threads:
            del self._threads[name]
            return process
        self._threads[name] = threads
        return self.random.choice([process, *threads])

    def _kill(self, name: str, process: greenlet) -> None:
        """End what is left of a process when one of its threads was killed."""
        for thread in (process, *self._threads.pop(name, ())):
            with suppress(Crash):
                thread.throw(Crash)

    def start_thread(self, body: Callable[[], None]) -> None:
        """Start a thread of the process that runs; both go on in any order, and die together."""
        self._threads.setdefault(self._running, []).append(greenlet(body, parent=self._hub))

    def _pick(self) -> str:
        names = self._names
        if self._stalled:
            self._stalled = {n: until for n, until in self._stalled.items() if until > self.steps}
            names = [name for name in names if name not in self._stalled] or names
        name = self.random.choice(names)
        if self.random.random() < 0.01:
            # A pause longer than any session: the process wakes as a zombie.
            self._stalled[name] = self.steps + self.random.randrange(200)
        self._trace.update(name.encode())
        return name

    def point(self, what: str) -> None:
        """A read or write of a process: others may run here, and the process may be killed."""
        if not self.is_running:
            return
        if self._is_dying:
            raise Crash
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise Stuck("the run does not end")
        self._trace.update(what.encode())
        if what in ZOMBIES_FROM and self.random.random() < 0.02:
            # Who knows what was written, or which view answers, may sleep until all is different.
            self._stalled[self._running] = self.steps + self.random.randrange(1000)
        self._hub.switch()
        if self.random.random() < self.crash_rate and self.steps <= CALM_FROM:
            self._is_dying = True
            raise Crash

    def rest(self, what: str, steps: int = REST_STEPS) -> None:
        """Wait where there is nothing to do: others take up to so many steps meanwhile."""
        self._stalled[self._running] = self.steps + self.random.randrange(steps)
        self.point(what)

    def give_way(self) -> None:
        """Let others go on while there is nothing to do but to wait; no step by itself."""
        if self._is_dying:
            raise Crash  # a process that was killed waits for nothing on its way out
        self._hub.switch()

    @property
    def is_running(self) -> bool:
        """Whether a process asks: before and after the run nothing fails."""
        return getcurrent() is not self._hub

    def is_alive(self, prefix: str) -> bool:
        """Tell whether a process of such a name has not returned yet."""
        return any(name.startswith(prefix) for name in self._names)

    def now(self, zone: tzinfo = UTC) -> datetime:
        """Return the simulated date and time: a second for each step."""
        return (BEGIN + timedelta(seconds=self.steps)).astimezone(zone)

    def monotonic(self) -> float:
        """Return the simulated time in seconds, for code that waits or asks seldom."""
        return self.steps / 20

    def trace(self) -> str:
        """Return a hash of everything that happened, in order."""
        return self._trace.hexdigest()


class Future(futures.Future[T]):
    """What a thread of a simulated process will return."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def result(self, timeout: float | None = None) -> T:
        """Wait, then return or raise it."""
        while not self.done():
            self._world.give_way()
        return super().result(timeout)


class Pool:
    """Stands in for a `concurrent.futures.ThreadPoolExecutor` that is given one call at a time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def submit(self, call: Callable[..., T], *arguments: Any) -> Future[T]:
        """Begin a call."""
        future = Future[T](self._world)

        def run() -> None:
            try:
                future.set_result(call(*arguments))
            except Exception as error:
                future.set_exception(error)

        self._world.start_thread(run)
        return future


class Lock:
    """Stands in for `threading.Lock`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._is_held = False

    def __enter__(self) -> None:
        while self._is_held:
            self._world.give_way()
        self._is_held = True

    def __exit__(self, *trouble: object) -> None:
        self._is_held = False


def note(world: World, value: Any) -> None:
    """Add a value to the trace."""
    world._trace.update(repr(value).encode())
