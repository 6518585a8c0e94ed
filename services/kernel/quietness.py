"""Detects quiet times, i.e. times without news, in which polling may be infrequent."""

from __future__ import annotations

import time
from collections.abc import Callable

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
