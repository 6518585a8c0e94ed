"""Writes one flush of the projection on a thread of its own while the next batch is folded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class WriteBehind:
    """Runs one write in the background; the fold may be one flush ahead. Used by one thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._running: Future[None] | None = None

    def begin(self, write: Callable[..., None], *arguments: object) -> None:
        """Start a write in the background; if the previous one failed, raise its error instead."""
        self.flush_pending()
        self._running = self._thread.submit(write, *arguments)

    def flush_pending(self) -> None:
        """Wait until the background write has ended; raises its error, once."""
        running, self._running = self._running, None
        if running:
            running.result()
