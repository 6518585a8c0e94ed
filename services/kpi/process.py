"""Long work in child processes: the live view must not wait for it.

A child ends with its parent, has a lower priority, and prints one JSON object when it has ended.
"""

from __future__ import annotations

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
from services.kpi.rebuild.lifecycle import Comparison, Failed
from services.kpi.store.views import Vector, View

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


class ChildProcesses:
    """Runs rebuilds and verifications, one kind at a time. Used by one thread.

    Args:
        settings: those of the aggregator; the children get the same.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._job: tuple[str, str] | None = None
        self._children: list[Child] = []

    def fold(self, view: View, ends: Vector) -> bool:
        """Bring partitions of a view up to offsets; see `building.Work`."""
        return self._results("rebuilder", view, ends) is not None

    def verify(self, view: View, ends: Vector) -> Comparison | None:
        """Compare every cell of a view with the oracle; see `building.Work`."""
        results = self._results("verifier", view, ends) if self._settings.oracle else []
        if results is None:
            return None
        differences = [text for result in results for text in result["differences"]]
        return Comparison(sum(result["count"] for result in results), differences)

    @property
    def running(self) -> list[subprocess.Popen[str]]:
        """The children that run now."""
        return [child.process for child in self._children if child.is_running]

    def stop(self) -> None:
        """End what still runs; a child that is asked to takes back its open transaction."""
        for each in self._children:
            each.process.terminate()
        for each in self._children:
            each.end()
        self._children, self._job = [], None

    def _results(self, module: str, view: View, ends: Vector) -> list[dict[str, Any]] | None:
        if self._job != (module, view.view_id):
            self.stop()
            self._job = (module, view.view_id)
            shares = _shares(ends, self._settings.rebuild_processes)
            # Fewer partitions than processes: each of the children starts some of its own.
            each = max(1, self._settings.rebuild_processes // max(1, len(shares)))
            settings = self._settings.model_copy(update={"rebuild_processes": each})
            self._children = [
                self._start(module, view.view_id, share, environment(settings)) for share in shares
            ]
        if any(each.is_running for each in self._children):
            return None
        results = [each.result() for each in self._children]
        self.stop()
        if failed := [result["failed"] for result in results if "failed" in result]:
            raise Failed("; ".join(failed))
        return results

    def _start(self, module: str, view_id: str, ends: Ends, environ: Mapping[str, str]) -> Child:
        places = [f"{partition}:{end}" for partition, end in ends.items()]
        return Child([sys.executable, "-m", f"services.kpi.{module}", view_id, *places], environ)


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


def _shares(ends: Vector, count: int) -> list[dict[int, int]]:
    """Spread partitions over processes, the longest first to whoever has the least to do."""
    shares: list[dict[int, int]] = [{} for _ in range(min(count, len(ends)))]
    for partition, end in sorted(ends.items(), key=lambda item: -item[1]):
        min(shares, key=lambda share: sum(share.values()))[partition] = end
    return shares
