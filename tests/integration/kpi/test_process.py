"""Children of the builder: what becomes of one that says nothing, or does not want to end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from services.kpi import process
from services.kpi.process import Child

STUBBORN = "import threading; threading.Event().wait()"
"""Does not look whether its parent is there."""


def wait_until_ended(child: Child) -> None:
    deadline, pause = time.monotonic() + 30, threading.Event()
    while child.is_running:
        assert time.monotonic() < deadline
        pause.wait(0.02)


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "print('no JSON'); raise SystemExit(3)"])
def test_a_child_that_leaves_no_result_has_failed(code: str) -> None:
    child = Child([sys.executable, "-c", code], os.environ)
    wait_until_ended(child)
    failed = f"process {child.process.pid} ended with code 3"
    assert child.result() == {"failed": failed}
    child.end()


def test_a_child_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STOP_SECONDS", 0.1)
    child = Child([sys.executable, "-c", STUBBORN], os.environ)
    child.end()
    assert child.process.returncode == -signal.SIGKILL
