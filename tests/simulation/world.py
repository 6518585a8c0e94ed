"""One seeded scheduler: processes are greenlets, every read and write may switch or crash.

A seed reproduces a run bit for bit: nothing here reads a clock, and the trace hash says so.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any

from greenlet import getcurrent, greenlet

STEPS_MAX = 200_000


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
        self._stalled: dict[str, int] = {}
        self._running = ""

    def spawn(self, name: str, body: Callable[[], None]) -> None:
        """Start a process; one that crashes starts again from the beginning of its body."""
        self._processes[name] = (greenlet(body, parent=self._hub), body)

    def run(self) -> None:
        """Run until every process has returned."""
        while self._processes:
            self._running = name = self._pick()
            process, body = self._processes[name]
            try:
                process.switch()
            except Crash:
                self.crashes += 1
                self.spawn(name, body)
                continue
            if process.dead:
                del self._processes[name]

    def _pick(self) -> str:
        names = sorted(self._processes)
        awake = [name for name in names if self._stalled.get(name, 0) <= self.steps] or names
        name = self.random.choice(awake)
        if self.random.random() < 0.01:
            # A pause longer than any session: the process wakes as a zombie.
            self._stalled[name] = self.steps + self.random.randrange(200)
        self._trace.update(name.encode())
        return name

    def point(self, what: str) -> None:
        """A read or write of a process: others may run here, and the process may be killed."""
        if not self.is_running:
            return
        self.steps += 1
        if self.steps > STEPS_MAX:
            raise Stuck("the run does not end")
        self._trace.update(what.encode())
        if what == "committed" and self.random.random() < 0.02:
            # Nobody knows yet what was written, and who does may sleep until all is different.
            self._stalled[self._running] = self.steps + self.random.randrange(1000)
        self._hub.switch()
        if self.random.random() < self.crash_rate:
            raise Crash

    @property
    def is_running(self) -> bool:
        """Whether a process asks: before and after the run nothing fails."""
        return getcurrent() is not self._hub

    def is_alive(self, prefix: str) -> bool:
        """Tell whether a process of such a name has not returned yet."""
        return any(name.startswith(prefix) for name in self._processes)

    def monotonic(self) -> float:
        """Return the simulated time in seconds, for code that waits or asks seldom."""
        return self.steps / 20

    def trace(self) -> str:
        """Return a hash of everything that happened, in order."""
        return self._trace.hexdigest()


def note(world: World, value: Any) -> None:
    """Add a value to the trace."""
    world._trace.update(repr(value).encode())
