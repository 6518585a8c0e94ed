"""A budget of events for each key, so that a flood of refused calls costs little."""

from __future__ import annotations

import threading
import time

KEYS_MAX = 1000


class Budget:
    """Allows each key a burst of events, and then so many per second. Thread-safe.

    Args:
        at_once: size of the burst.
        per_second: events per second after it.
    """

    def __init__(self, at_once: float, per_second: float) -> None:
        self._at_once, self._per_second = at_once, per_second
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float, int]] = {}

    def may(self, key: str) -> int | None:
        """Count an event of a key against its budget, and return None if the budget is used up.

        Returns:
            Within the budget, the number of events of this key that exceeded it since the last one
            that did not; usually 0.
        """
        now = time.monotonic()
        with self._lock:
            if len(self._left) > KEYS_MAX:
                self._left.clear()
            left, since, beyond = self._left.get(key, (self._at_once, now, 0))
            left = min(self._at_once, left + (now - since) * self._per_second)
            if left < 1.0:
                self._left[key] = left, now, beyond + 1
                return None
            self._left[key] = left - 1.0, now, 0
            return beyond
