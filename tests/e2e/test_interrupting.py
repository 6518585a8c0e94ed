"""Ctrl-C ends a stack soon, also while somebody watches; its folder was nobody else's meanwhile."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from services.cli.admin.processes import environment_of, usage_of
from tests.e2e.comparing import Comparison
from tests.e2e.running import KIENG, RunningStack

END_SECONDS_MAX = 8.0
WATCH = ("kpi", "watch", "--from", "2025-01", "--to", "2025-12", "--output", "json")


@contextmanager
def watched(running: RunningStack) -> Iterator[None]:
    """Somebody follows the numbers, on a stream that has answered."""
    argv = (str(KIENG), *WATCH, "--data", str(running.data))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"{")
        try:
            yield
        finally:
            process.kill()


def open_to_others(folder: Path) -> list[str]:
    """Files and folders in which somebody else than the owner has a right."""
    every = [folder, *folder.rglob("*")]
    return [str(path) for path in every if stat.S_IMODE(path.lstat().st_mode) & 0o077]


def holders_of_the_edition_key(running: RunningStack) -> set[str]:
    """Processes that were started with the key, or forked with it."""
    return {
        name
        for name, process in running.stack.processes.items()
        if "EDITION_KEY" in " ".join((*environment_of(process.pid), *process.settings))
    }


def test_ctrl_c_ends_a_stack_that_is_watched_and_hangs_and_nothing_was_open_to_others(
    stack: RunningStack, comparison: Comparison, measured: Callable[[str], None]
) -> None:
    comparison.check()
    assert open_to_others(stack.data) == []
    assert holders_of_the_edition_key(stack) == {"kpi.query"}
    pids = [process.pid for process in stack.stack.processes.values()]
    with watched(stack):
        os.kill(stack.pid("notifications"), signal.SIGSTOP)
        began = time.monotonic()
        assert stack.stop(signal.SIGINT) == 0
        seconds = time.monotonic() - began
    measured(f"Ctrl-C: {len(pids)} processes ended in {seconds:.1f} s")
    assert seconds < END_SECONDS_MAX
    assert [pid for pid in pids if usage_of(pid)] == []
    assert open_to_others(stack.data) == []
