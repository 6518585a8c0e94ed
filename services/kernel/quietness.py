"""How long nothing has happened: what polls may poll seldom then, and costs next to nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

QUIET_AFTER_SECONDS = 2.0


class Quietness:
    """Whether there was no news for `QUIET_AFTER_SECONDS`. Used by one thread.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._news_at = clock()

    def note(self, is_news: bool) -> None:
        """Note what the last look found."""
        if is_news:
            self._news_at = self._clock()

    @property
    def is_quiet(self) -> bool:
        """Whether one may look seldom."""
        return self._clock() - self._news_at > QUIET_AFTER_SECONDS
