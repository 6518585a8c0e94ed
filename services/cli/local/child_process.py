"""Child processes of `kieng up` and of the tests: start, wait until ready, notice a death, stop.

Nothing is restarted here: a death is returned to the caller, who knows what it means. Output goes
to one log file per child. Children run in their own session, so Ctrl-C reaches the parent only,
which stops them in order; and Linux kills them when the parent dies, however it dies.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

# Below Linux's range for outgoing connections, or a client's socket could take what we found free.
PORTS = range(20_000, 32_000)
POLL_SECONDS = 0.05
TAIL_LINES = 20
TAIL_BYTES_MAX = 16_384

# Runs in the child before its program: preexec_fn is unsafe in a parent with threads. The number 1
# is PR_SET_PDEATHSIG; the parent may have died before the call, hence the second look.
_TETHER = """
import ctypes, os, signal, sys
ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() == int(sys.argv[1]):
    try:
        os.execvp(sys.argv[2], sys.argv[2:])
    except OSError as error:
        sys.exit(f"cannot run {sys.argv[2]}: {error.strerror}")
"""

Unready = Callable[[], str]
"""Returns why a child is not ready yet; an empty text if it is."""


@dataclass(frozen=True)
class Death:
    """A child that ended unasked: its name, exit code and the end of its log.

    `returncode` is the exit code, or the negative number of the signal that killed it.
    """

    name: str
    returncode: int
    tail: str

    def __str__(self) -> str:
        """One line of what happened, then the end of the log."""
        return f"{self.name} ended with code {self.returncode}\n{self.tail}".rstrip()


class ChildFailed(RuntimeError):
    """A child died, or was not ready in time; the message ends with the tail of its log."""


class Child:
    """One program with its log file; may be started again after it ended.

    Start it from a thread that lives as long as the child (the main thread): Linux takes the end of
    the starting thread for the death of the parent.
    """

    def __init__(
        self, name: str, argv: Sequence[str], env: Mapping[str, str] | None, log_path: Path
    ) -> None:
        """Describe a child; nothing runs yet. `env` replaces the environment, None inherits."""
        self.name = name
        self.argv = tuple(argv)
        self.env = None if env is None else dict(env)
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running or last run.

        Raises:
            RuntimeError: never started.
        """
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    def start(self) -> None:
        """Run the program, appending its output to the log file.

        Raises:
            RuntimeError: it runs already.
        """
        if self._process is not None and self.poll() is None:
            raise RuntimeError(f"{self.name} runs already")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        tether = (sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()))
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                (*tether, *self.argv),
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """Return the exit code of an ended child, None while it runs or before its first start."""
        return None if self._process is None else self._process.poll()

    def death(self) -> Death | None:
        """Return how the child ended, None while it runs or before its first start."""
        returncode = self.poll()
        return None if returncode is None else Death(self.name, returncode, self.tail())

    def wait_until_ready(self, unready: Unready, timeout_seconds: float) -> None:
        """Wait until the probe reports no problem.

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
        """Ask the child to end, kill it when the grace is over, and return its exit code.

        Safe to call twice and on a child that is dead or was never started.
        """
        self._signal(signal.SIGTERM)
        if not self._wait(grace_seconds):
            self.kill()
        return self.poll()

    def kill(self) -> None:
        """End the child and what it started at once, as a crash does; wait until it is gone."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def tail(self, lines: int = TAIL_LINES) -> str:
        """Return the last lines of the log, empty when there is none."""
        try:
            with self.log_path.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(0, size - TAIL_BYTES_MAX))
                text = log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _signal(self, number: signal.Signals) -> None:
        """Signal the child's whole process group, which is its own."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _wait(self, timeout_seconds: float) -> bool:
        """Wait for the child to end, at most this long; return True if it ended."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


class ChildGroup:
    """Children in the order they were started, stopped in the opposite order on leaving.

    Used by one thread, as a context manager.
    """

    def __init__(self, grace_seconds: float = 10.0) -> None:
        """Give every child at most `grace_seconds` to end by itself."""
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
        """Start a child and wait until it is ready; it is stopped with the others even if it fails.

        Raises:
            ChildFailed: it died, or was not ready in time.
        """
        self.children.append(child)
        child.start()
        child.wait_until_ready(unready, timeout_seconds)

    def deaths(self) -> list[Death]:
        """Return the children that ended, in the order they were started."""
        return [death for child in self.children if (death := child.death())]

    def watch(self, stopping: threading.Event) -> list[Death]:
        """Wait until a child ends or the event is set; return those that ended, if any."""
        while not stopping.wait(POLL_SECONDS):
            if deaths := self.deaths():
                return deaths
        return []

    def stop(self) -> None:
        """Stop every child, the last started first. Safe to call twice."""
        while self.children:
            self.children.pop().stop(self._grace_seconds)


def free_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 on which nothing listens now.

    Raises:
        OSError: too few ports are free.
    """
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if len(found) == count:
            return found
        if not _is_taken(port):
            found.append(port)
    raise OSError(f"fewer than {count} ports of 127.0.0.1 are free")


def taken_ports(ports: Iterable[int]) -> list[int]:
    """Return those of some ports of 127.0.0.1 on which something listens now."""
    return [port for port in ports if _is_taken(port)]


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, or a connection that is only fading out would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
