"""A budget of log lines, so that refused calls do not fill the disk."""

from __future__ import annotations

import threading
import time

LINES_PER_SECOND = 1.0
LINES_AT_ONCE = 5.0
KEYS_MAX = 1000


class LogBudget:
    """Allows a few lines at once for each key, then one a second. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float, int]] = {}

    def may(self, key: str) -> int | None:
        """Return how many lines of the key were left out before this one; None to leave it out."""
        now = time.monotonic()
        with self._lock:
            if len(self._left) > KEYS_MAX:
                self._left.clear()
            left, since, unlogged = self._left.get(key, (LINES_AT_ONCE, now, 0))
            left = min(LINES_AT_ONCE, left + (now - since) * LINES_PER_SECOND)
            if left < 1.0:
                self._left[key] = left, now, unlogged + 1
                return None
            self._left[key] = left - 1.0, now, 0
            return unlogged
