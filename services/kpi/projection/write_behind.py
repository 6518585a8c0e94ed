"""One write at a time in a thread of its own, while whoever asked for it does other work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class WriteBehind:
    """Runs a write behind its caller, who may be ahead of it by one. Used by one thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._running: Future[None] | None = None

    def begin(self, write: Callable[..., None], *arguments: object) -> None:
        """Begin a write; raises what the one before raised, and begins nothing then."""
        self.flush_pending()
        self._running = self._thread.submit(write, *arguments)

    def flush_pending(self) -> None:
        """Wait until nothing is being written; raises what the write raised, once."""
        running, self._running = self._running, None
        if running:
            running.result()
