"""Holding processes as a hung machine does."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_until


@contextmanager
def paused(pid: int) -> Iterator[None]:
    """Hold a process; it goes on afterwards.

    Args:
        pid: its id; 0 for that of a server which is not ours, so that the test is skipped.
    """
    if not pid:
        pytest.skip("--mongo: the process of that database is not ours to pause")
    os.kill(pid, signal.SIGSTOP)
    try:
        # On a busy machine its threads go on for a moment, and may answer one call more.
        wait_until(lambda: _stands_still(pid), what=f"all threads of process {pid} stand still")
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    stats = Path(f"/proc/{pid}/task").glob("*/stat")
    # The name of a thread, in parentheses, may hold blanks.
    try:
        return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats)
    except OSError:
        return False  # a thread has ended meanwhile
