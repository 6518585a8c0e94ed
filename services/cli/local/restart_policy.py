"""Decides how soon a process that died is restarted, and when to give up."""

from __future__ import annotations

from collections import deque

RESTARTS_MAX = 5
RESTARTS_SECONDS = 600.0
PAUSE_SECONDS_MAX = 30.0


class RestartPolicy:
    """Decides how long to wait before one process is restarted, and when to give up.

    The first pause is 1 s, and with each further death in `RESTARTS_SECONDS` it doubles, up to
    `PAUSE_SECONDS_MAX`. More than `RESTARTS_MAX` deaths in that time are too many.
    """

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def pause(self, now: float) -> float | None:
        """Record a death, and return the seconds to wait before the restart; None to give up.

        ``now`` is the time of the death in monotonic seconds.
        """
        while self._times and now - self._times[0] > RESTARTS_SECONDS:
            self._times.popleft()
        if len(self._times) >= RESTARTS_MAX:
            return None
        self._times.append(now)
        return min(2.0 ** (len(self._times) - 1), PAUSE_SECONDS_MAX)
