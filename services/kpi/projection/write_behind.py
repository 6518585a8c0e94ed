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

        If the previous write failed, its error is raised and nothing is started.

        Args:
            write: function that writes.
            *arguments: positional arguments that it is called with.
        """
        self.flush_pending()
        self._running = self._thread.submit(write, *arguments)

    def flush_pending(self) -> None:
        """Wait until the background write, if any, has ended.

        If it failed, its error is raised here; a second call then returns at once.
        """
        running, self._running = self._running, None
        if running:
            running.result()
