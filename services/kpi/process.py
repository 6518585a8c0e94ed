"""Subprocesses for long work, and how a process that keeps a view in memory collects garbage.

A subprocess ends with its parent, has a lower priority, and prints one JSON object when it ends.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from services.kernel.config import load
from services.kpi.config import Settings

Ends = Mapping[int, int]
"""Partition -> offset up to which something is done."""

NICENESS = 10
STOP_SECONDS = 5.0


def child(arguments: Sequence[str], work: Callable[[Settings, str, Ends], Any]) -> int:
    """Run the main function of a child process; return its exit code."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    os.nice(NICENESS)
    # Standard output is for the result alone.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    view_id, *places = arguments
    ends = {int(place): int(end) for place, _, end in (text.partition(":") for text in places)}
    try:
        print(json.dumps(work(load(Settings), view_id, ends)))
    except Exception as error:
        print(json.dumps({"failed": f"{type(error).__name__}: {error}"}))
        return 1
    return 0


def _end_with_parent() -> None:
    # The parent never writes: the pipe ends when the parent does, however it died.
    sys.stdin.buffer.read()
    os._exit(1)


class Child:
    """A child whose output is read while it runs: a full pipe would hold it for ever.

    Args:
        command: what it runs.
        environ: its environment.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ)
        self._output = ""
        self._reader = threading.Thread(target=self._read, name="child-output", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self._output = output.read()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def result(self) -> dict[str, Any]:
        """Return what it printed last; call it when it has ended."""
        # Bounded: a process that it started may hold the pipe a little longer.
        self._reader.join(STOP_SECONDS)
        try:
            result: dict[str, Any] = json.loads(self._output.splitlines()[-1])
        except (IndexError, ValueError):
            code = self.process.returncode
            return {"failed": f"process {self.process.pid} ended with code {code}"}
        return result

    def end(self) -> None:
        """Wait until it has ended, and kill it when that takes long."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(STOP_SECONDS)


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which a child reads the settings of its parent."""
    said = {name: getattr(settings, name) for name in settings.model_fields_set}
    plain = {
        f"KIENG_{name.upper()}": value.get_secret_value()
        if hasattr(value, "get_secret_value")
        else value
        for name, value in said.items()
    }
    return {
        **os.environ,
        **{name: str(value) for name, value in plain.items() if value is not None},
    }


def tune_gc() -> None:
    """Raise the thresholds of cyclic garbage collection for this process, all threads included.

    A fold, or a cube in memory, keeps hundreds of thousands of long-lived objects without cycles.
    Collecting at the default rate takes a quarter of the fold's time and pauses every call for as
    long (docs/performance.md).
    """
    gc.set_threshold(100_000, 50, 1000)


def freeze_heap() -> None:
    """Exclude all live objects from garbage collection; call after loading a large image.

    A full collection over 1.5 million objects pauses every call for 0.3 s, however rare it is.
    """
    gc.freeze()
