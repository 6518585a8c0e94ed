"""The end of the server, which wakes the calls that wait for something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopping(threading.Event):
    """Set once the server is stopping; then it also sets the events that calls wait for.

    So a call can wait for something else without looking again and again whether to stop.
    """

    def __init__(self) -> None:
        super().__init__()
        self._awaited: set[threading.Event] = set()
        self._lock = threading.Lock()

    def set(self) -> None:
        """Set this event, and all those that are being waited for. Idempotent."""
        with self._lock:
            super().set()
            for event in self._awaited:
                event.set()

    @contextmanager
    def waking(self, event: threading.Event) -> Iterator[None]:
        """While the block runs, set another event as soon as this one is set."""
        with self._lock:
            self._awaited.add(event)
        if self.is_set():
            event.set()
        try:
            yield
        finally:
            with self._lock:
                self._awaited.discard(event)
