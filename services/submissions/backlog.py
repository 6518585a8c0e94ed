"""Measures how far publishing lags behind writing, and refuses submissions if it lags too far."""

from __future__ import annotations

import threading
import time

from services.kernel.errors import Exhausted

LATE_SECONDS = 5.0
"""Age of the oldest event in a published round above which new submissions are refused."""
BULK_LATE_SECONDS = 2.0
"""Age above which rows of an import wait; lower, so that people go before files."""
BULK_WAIT_SECONDS = 0.25
"""Maximum wait of each group of rows, so that an import also ends on a machine that stays late."""
FRESH_SECONDS = 5.0
"""Time after which an observation is ignored, so that an outage of the broker refuses nothing."""
RETRY_SECONDS_MAX = 30.0


class Backlog:
    """The lag of one institution's outbox, observed by the relay. Thread-safe.

    While the broker is down, submissions are accepted and their events wait. Submissions are
    refused only if the relay does publish and still falls behind.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen = (0.0, 0.0)

    def note(self, age_seconds: float) -> None:
        """Record that the relay has published a round of events.

        Args:
            age_seconds: age that the oldest event of the round had when it was read.
        """
        with self._changed:
            self._seen = age_seconds, time.monotonic()
            self._changed.notify_all()

    def need_room(self) -> None:
        """Check that a further submission would be published soon; returns at once if so.

        Raises:
            Exhausted: publishing lags too far behind; the error says when to repeat.
        """
        if (age := self._age()) > LATE_SECONDS:
            text = f"submissions are published {age:.0f} seconds late; repeat later"
            raise Exhausted(text, retry_after_seconds=min(round(age, 1), RETRY_SECONDS_MAX))

    def wait_for_room(self) -> None:
        """Wait until publishing has caught up, so that an import may write further rows.

        Returns after at most `BULK_WAIT_SECONDS`, whether or not it has caught up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._age() <= BULK_LATE_SECONDS, BULK_WAIT_SECONDS)

    def _age(self) -> float:
        age, at = self._seen
        return age if time.monotonic() - at < FRESH_SECONDS else 0.0
