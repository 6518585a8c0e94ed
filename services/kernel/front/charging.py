"""Processor time that calls use in other processes, e.g. in subprocesses that they start."""

from __future__ import annotations

import threading
import time


class _Elsewhere(threading.local):
    seconds = 0.0


_elsewhere = _Elsewhere()


def charge(seconds: float) -> None:
    """Charge the call that this thread answers for CPU seconds of another process."""
    _elsewhere.seconds += seconds


def spent() -> float:
    """Return the CPU seconds of this thread, and of other processes for the calls it answered."""
    return time.thread_time() + _elsewhere.seconds
