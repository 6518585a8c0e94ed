"""How far publishing lags behind writing, and what is not taken in because of it."""

from __future__ import annotations

import threading
import time

from services.kernel.errors import Exhausted

LATE_SECONDS = 5.0
"""Age of the oldest event that was just published from which new submissions are refused."""
BULK_LATE_SECONDS = 2.0
"""The same for rows of an import, which wait: a file gives way to people."""
BULK_WAIT_SECONDS = 0.25
"""For each group of rows: on a machine that is late anyway an import still comes to its end."""
FRESH_SECONDS = 5.0
"""Time for which an observation holds: an outage of the broker stops rounds and refuses nothing."""
RETRY_SECONDS_MAX = 30.0


class Backlog:
    """The lag of one institution's outbox, observed by the relay. Thread-safe.

    While the broker is down, events wait as long as it takes and submissions are accepted. Only a
    relay that publishes, and still falls behind, says that more is offered than can be counted.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seen = (0.0, 0.0)

    def note(self, age_seconds: float) -> None:
        """Take in a round that published: the age of its oldest event when it was read."""
        with self._changed:
            self._seen = age_seconds, time.monotonic()
            self._changed.notify_all()

    def need_room(self) -> None:
        """Check that a further submission would become visible in good time.

        Raises:
            Exhausted: publishing is behind; nothing was written. Repeat after the time it says.
        """
        if (age := self._age()) > LATE_SECONDS:
            text = f"submissions are published {age:.0f} seconds late; repeat later"
            raise Exhausted(text, retry_after_seconds=min(round(age, 1), RETRY_SECONDS_MAX))

    def wait_for_room(self) -> None:
        """Wait for room for further rows, at most `BULK_WAIT_SECONDS`."""
        with self._changed:
            self._changed.wait_for(lambda: self._age() <= BULK_LATE_SECONDS, BULK_WAIT_SECONDS)

    def _age(self) -> float:
        age, at = self._seen
        return age if time.monotonic() - at < FRESH_SECONDS else 0.0
