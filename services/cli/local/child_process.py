"""Child processes of `kieng up` and of the tests: started, awaited, watched and stopped.

Nothing is restarted here: a death is returned to the caller, which decides. Each child writes its
output to a log file of its own. Children run in their own sessions, so that Ctrl-C reaches only the
parent, which stops them in order. Linux kills them when the parent dies for whatever reason.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from services.cli.local.tether import run_tethered

POLL_SECONDS = 0.05
TAIL_LINES = 20
TAIL_BYTES_MAX = 16_384


class Running(Protocol):
    """The part of the interface of `Popen` that is used here."""

    @property
    def pid(self) -> int:
        """The process id."""

    def poll(self) -> int | None:
        """Return the return code; None while the process runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the process to end, and return its return code.

        Raises:
            subprocess.TimeoutExpired: the process still runs after ``timeout`` seconds.
        """


Unready = Callable[[], str]
"""A function that returns why a child is not ready yet; empty if it is ready."""
Start = Callable[[Sequence[str], Mapping[str, str] | None, Path], Running]
"""Function that starts a program: command line, environment (None for ours), log file."""


@dataclass(frozen=True)
class Death:
    """The end of a child that was not stopped: its name, return code and the end of its log.

    `returncode` is the exit code, or the negative number of the signal that killed the child.
    """

    name: str
    returncode: int
    tail: str

    def __str__(self) -> str:
        """Return a line with name and return code, followed by the end of the log."""
        return f"{self.name} ended with code {self.returncode}\n{self.tail}".rstrip()


class ChildFailed(RuntimeError):
    """Raised if a child died or was not ready in time; the message ends with the end of its log."""


class Child:
    """A child process with its log file, which can be started again after it has ended.

    Start it from a thread that outlives the child, e.g. the main thread, because Linux kills the
    child when the thread that started it ends.
    """

    def __init__(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None, log_path: Path
    ) -> None:
        """Describe a child without starting it.

        Args:
            name: name of the child in messages.
            argv: its command line.
            env: its whole environment; None to inherit that of this process.
            log_path: file to which its output is appended.
        """
        self.name = name
        self.argv = tuple(argv)
        self.env = None if env is None else dict(env)
        self.log_path = log_path
        self._process: Running | None = None

    @property
    def pid(self) -> int:
        """The process id, also after the child has ended.

        Raises:
            RuntimeError: the child was never started.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    def start(self, start: Start | None = None) -> None:
        """Start the program, appending its output to the log file.

        Args:
            start: function that starts the program; None for a new process of its own.

        Raises:
            RuntimeError: the child is running already.
        """
        if self._process is not None and self.poll() is None:
            raise RuntimeError(f"{self.name} runs already")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._process = (start or run_tethered)(self.argv, self.env, self.log_path)

    def poll(self) -> int | None:
        """Return the return code of an ended child; None while it runs or before its first start.

        It is the exit code, or the negative number of the signal that killed the child.
        """
        return None if self._process is None else self._process.poll()

    def death(self) -> Death | None:
        """Return how the child ended; None while it runs or before its first start."""
        returncode = self.poll()
        return None if returncode is None else Death(self.name, returncode, self.tail())

    def wait_until_ready(self, unready: Unready, timeout_seconds: float) -> None:
        """Wait until ``unready`` returns an empty text.

        Raises:
            ChildFailed: the child died first, or the timeout expired.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            if death := self.death():
                raise ChildFailed(str(death))
            reason = unready()
            if not reason:
                return
            if time.monotonic() >= deadline:
                raise ChildFailed(
                    f"{self.name} is not ready after {timeout_seconds:g} s: {reason}\n{self.tail()}"
                )
            self._wait(POLL_SECONDS)

    def stop(self, grace_seconds: float = 10.0) -> int | None:
        """Terminate the child, kill it after the grace period, and return its return code.

        A child that has ended already is left alone. Returns None if the child was never started.
        """
        self._signal(signal.SIGTERM)
        if not self._wait(grace_seconds):
            self.kill()
        return self.poll()

    def kill(self) -> None:
        """Kill the child and the processes that it started, and wait until it has ended."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines of the log file of the child; empty if there is no file."""
        return log_end(self.log_path, lines)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal to the process group of the child, if it is running."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _wait(self, timeout_seconds: float) -> bool:
        """Wait for the child to end; return False if it still runs after the timeout."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class ChildGroup:
    """Children in the order of their start; a context manager that stops them in reverse order.

    Not thread-safe.
    """

    def __init__(self, grace_seconds: float = 10.0) -> None:
        """Create an empty group; `stop` kills a child that has not ended after `grace_seconds`."""
        self.children: list[Child] = []
        self._grace_seconds = grace_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, child: Child, unready: Unready, timeout_seconds: float) -> None:
        """Add a child, start it and wait until it is ready.

        Raises:
            ChildFailed: the child died or was not ready in time; it is still stopped with the
                others.
        """
        self.children.append(child)
        child.start()
        child.wait_until_ready(unready, timeout_seconds)

    def deaths(self) -> list[Death]:
        """Return the deaths of the children that have ended, in the order of their start."""
        return [death for child in self.children if (death := child.death())]

    def watch(self, stopping: threading.Event) -> list[Death]:
        """Wait until a child ends, and return the deaths; none if the event was set first."""
        while not stopping.wait(POLL_SECONDS):
            if deaths := self.deaths():
                return deaths
        return []

    def stop(self) -> None:
        """Stop every child and forget it, the last one started first. Safe to call twice.

        A child that does not end is killed after the time given to the group.
        """
        while self.children:
            self.children.pop().stop(self._grace_seconds)


def log_end(path: Path, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a log file, without a line feed at the end; empty without a file.

    At most the last `TAIL_BYTES_MAX` bytes are read, so there may be fewer lines.
    """
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - TAIL_BYTES_MAX))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
