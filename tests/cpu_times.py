"""`--cpu`: the seconds of CPU that tests took, with those of every process that they started.

Times by the clock say little on a busy machine, and nothing of what a stack does meanwhile. It
reads `/proc`, so it works on Linux.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

SHOWN = 40
TICKS = os.sysconf("SC_CLK_TCK")
PHASES = pytest.StashKey[dict[str, float]]()


def family_seconds() -> float:
    """CPU seconds of this process and of all that it started, alive or reaped."""
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        process = Path("/proc", str(waiting.pop()))
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        total += sum(map(int, fields[11:15])) / TICKS
        waiting += _children(process)
    return total


def _children(process: Path) -> list[int]:
    found = list[int]()
    # A process or a thread that ended meanwhile has none.
    with contextlib.suppress(OSError):
        for thread in process.glob("task/*/children"):
            with contextlib.suppress(OSError):
                found += map(int, thread.read_text().split())
    return found


def _measured(item: pytest.Item, phase: str) -> Iterator[None]:
    began = family_seconds()
    try:
        return (yield)
    finally:
        item.stash.setdefault(PHASES, {})[phase] = family_seconds() - began


class CpuTimes:
    """Measures every phase of every test, and lists those that took most."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        return (yield from _measured(item, "setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        return (yield from _measured(item, "call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Iterator[None]:
        return (yield from _measured(item, "teardown"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        report = yield
        # A worker of pytest-xdist sends what a report has.
        report.cpu_seconds = item.stash.get(PHASES, {}).get(call.when, 0.0)  # type: ignore[attr-defined]
        return report

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        every = [
            (report.cpu_seconds, report.when, report.nodeid)
            for reports in terminalreporter.stats.values()
            for report in reports
            if hasattr(report, "cpu_seconds")
        ]
        if os.environ.get("CPU_JSON"):
            import json

            rows = [
                (
                    r.cpu_seconds,
                    r.when,
                    r.nodeid,
                    r.duration,
                    r.start,
                    r.stop,
                    getattr(getattr(r, "node", None), "gateway", None) and r.node.gateway.id,
                )
                for rs in terminalreporter.stats.values()
                for r in rs
                if hasattr(r, "cpu_seconds")
            ]
            Path(os.environ["CPU_JSON"]).write_text(json.dumps(rows))
        terminalreporter.section(f"CPU: {sum(found for found, *_ in every):.0f} s in all")
        for seconds, phase, nodeid in sorted(every, reverse=True)[:SHOWN]:
            terminalreporter.write_line(f"{seconds:6.1f} s {phase:8} {nodeid}")
