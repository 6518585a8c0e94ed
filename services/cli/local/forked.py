"""A process that this one has adopted and watches, as if it had started it as a program."""

from __future__ import annotations

import os
import subprocess
import threading
import time

from services.cli.local.child_process import POLL_SECONDS


class Forked:
    """A running fork that this process has adopted; a `Running` as `Child` needs it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Return the exit code, or the negative number of a signal; None while the fork runs."""
        # The holder of the lock is polling already; it may be the call that a signal interrupted.
        if self._returncode is None and self._lock.acquire(blocking=False):
            try:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                if ended:
                    self._returncode = os.waitstatus_to_exitcode(status)
            finally:
                self._lock.release()
        return self._returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the fork to end, and return its exit code or the negative number of a signal.

        Raises:
            subprocess.TimeoutExpired: the fork still runs after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = threading.Event()
        while (returncode := self.poll()) is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired("a fork", timeout or 0.0)
            pause.wait(POLL_SECONDS / 5)
        return returncode
