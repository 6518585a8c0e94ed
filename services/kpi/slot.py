"""The one place for jobs of a kind that are too dear to run side by side in a process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.kernel.errors import Exhausted

RETRY_SECONDS = 2.0


class OneAtATime:
    """Admits only one subprocess job of a kind at a time. Thread-safe.

    Args:
        what: name of the kind, for the error message.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._busy = threading.Lock()

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Occupy the only slot during the block; never waits for it.

        Raises:
            Exhausted: another job occupies it; retry later.
        """
        if not self._busy.acquire(blocking=False):
            raise self._taken()
        try:
            yield
        finally:
            self._busy.release()

    def need_free(self) -> None:
        """Check that no job is running now, without occupying the slot.

        Another job may still come first.

        Raises:
            Exhausted: a job occupies it; retry later.
        """
        if self._busy.locked():
            raise self._taken()

    def _taken(self) -> Exhausted:
        text = f"another {self._what} runs in this process; repeat when it is done"
        return Exhausted(text, retry_after_seconds=RETRY_SECONDS)
