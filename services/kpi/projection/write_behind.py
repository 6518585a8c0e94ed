"""Writes one flush of the projection in the background while the next batch is folded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class WriteBehind:
    """Runs one write at a time in the background. Used by one thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._running: Future[None] | None = None

    def begin(self, write: Callable[..., None], *arguments: object) -> None:
        """Wait for the previous write, then start another one in the background.

        Raises the error of the previous write, if it failed; then nothing is started.

        Args:
            write: function that writes.
            *arguments: its arguments.
        """
        self.flush_pending()
        self._running = self._thread.submit(write, *arguments)

    def flush_pending(self) -> None:
        """Wait until the background write, if any, has ended; raises its error, once."""
        running, self._running = self._running, None
        if running:
            running.result()
