"""A rate limit for log lines, so that refused calls cannot fill the disk."""

from __future__ import annotations

import threading
import time

LINES_PER_SECOND = 1.0
LINES_AT_ONCE = 5.0
KEYS_MAX = 1000


class LogBudget:
    """Limits the log lines of each key to a burst of five and then one per second. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float, int]] = {}

    def may(self, key: str) -> int | None:
        """Return whether a line of this key may be written now.

        Returns:
            None if the line must be left out; otherwise the number of lines of the key that were
                left out since the last one, for the line to mention.
        """
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
