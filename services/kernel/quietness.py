"""Detects quiet times, i.e. times without news, in which polling may be infrequent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

POLL_MS = 200
SHORT_POLL_MS = 15
PAUSE_SECONDS = 0.2
QUIET_AFTER_SECONDS = 2.0
RUNG_SECONDS = 2.0
"""Pause between two looks for news in quiet times, if `Bell` ends it when there is news."""


class Quietness:
    """Knows whether there has been no news for `QUIET_AFTER_SECONDS`. Used by one thread.

    Args:
        clock: returns seconds that never decrease.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._news_at = clock()

    def note(self, is_news: bool) -> None:
        """Record whether the last poll found any news."""
        if is_news:
            self._news_at = self._clock()

    @property
    def is_quiet(self) -> bool:
        """Whether there has been no news for more than `QUIET_AFTER_SECONDS`.

        The next poll may then wait longer. The creation of this object counts as news.
        """
        return self._clock() - self._news_at > QUIET_AFTER_SECONDS

    def rest(self, wake: threading.Event, has_bell: bool) -> int:
        """Pause after a poll of the embedded broker that found nothing; ``wake`` ends the pause.

        That broker answers an empty fetch only when its wait has elapsed, even if a record has
        arrived meanwhile. So with a bell, which a writer rings after each write, a short poll and a
        pause find records sooner than many fetches, and cost far less. A missed ring costs the
        pause. Without a bell, there are pauses in quiet times only.

        Returns:
            How long to wait in the next poll, in milliseconds.
        """
        if not (has_bell or self.is_quiet):
            return POLL_MS
        is_woken = wake.wait(RUNG_SECONDS if has_bell and self.is_quiet else PAUSE_SECONDS)
        wake.clear()
        self.note(is_woken)
        return POLL_MS if is_woken else SHORT_POLL_MS
