"""`--cpu`: the seconds of CPU that tests took, with those of every process that they started.

Times by the clock say little on a busy machine, and nothing of what a stack does meanwhile. It
reads `/proc`, so it works on Linux.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

SHOWN = 40
TICKS = os.sysconf("SC_CLK_TCK")
PHASES = pytest.StashKey[dict[str, float]]()


def family_seconds() -> float:
    """CPU seconds of this process and of all that it started, alive or reaped."""
    parents, seconds = dict[int, int](), dict[int, float]()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        parents[int(folder.name)] = int(fields[1])
        seconds[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS
    children = defaultdict[int, list[int]](list)
    for process, parent in parents.items():
        children[parent].append(process)
    total, waiting = 0.0, [os.getpid()]
    while waiting:
        process = waiting.pop()
        total += seconds.get(process, 0.0)
        waiting += children[process]
    return total


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
        terminalreporter.section(f"CPU: {sum(found for found, *_ in every):.0f} s in all")
        for seconds, phase, nodeid in sorted(every, reverse=True)[:SHOWN]:
            terminalreporter.write_line(f"{seconds:6.1f} s {phase:8} {nodeid}")
