"""Waiting for what other threads and processes do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

SECONDS = 60.0
"""Longer than anything takes on a machine that is busy; only a test that fails waits so long."""
PAUSE_SECONDS = 0.02
PAUSE_SECONDS_MAX = 0.5
PAUSES = 2
"""Pauses are so many times as long as an answer takes."""


def wait_until(
    happened: Callable[[], Found | None], seconds: float = SECONDS, what: str = "what is awaited"
) -> Found:
    """Return the first truth; fail when it does not come in time.

    What takes long to ask, such as a command, is asked less often: what is waited for needs the
    machine, too.
    """
    pause = threading.Event()
    asked = time.monotonic()
    deadline = asked + seconds
    while not (found := happened()):
        now = time.monotonic()
        assert now < deadline, f"not within {seconds:g} s: {what}"
        pause.wait(max(PAUSE_SECONDS, min(PAUSES * (now - asked), PAUSE_SECONDS_MAX)))
        asked = time.monotonic()
    return found
