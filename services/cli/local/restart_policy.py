"""How often something that dies is started again."""

from __future__ import annotations

from collections import deque

RESTARTS_MAX = 5
RESTARTS_SECONDS = 600.0
PAUSE_SECONDS_MAX = 30.0


class RestartPolicy:
    """How long to wait before a process is started again, and when to give up."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def pause(self, now: float) -> float | None:
        """Note a death; return the pause before the restart in seconds, None to give up."""
        while self._times and now - self._times[0] > RESTARTS_SECONDS:
            self._times.popleft()
        if len(self._times) >= RESTARTS_MAX:
            return None
        self._times.append(now)
        return min(2.0 ** (len(self._times) - 1), PAUSE_SECONDS_MAX)
