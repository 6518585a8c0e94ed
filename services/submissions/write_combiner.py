"""Combines the concurrent writes of several threads into one database call."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.kernel.errors import Exhausted

T = TypeVar("T")
R = TypeVar("R")

WAITING_MAX = 200
"""Default maximum number of queued items: four full writes of `store.INSERTS_MAX`."""
WAIT_SECONDS_MAX = 2.0
"""Default maximum wait in the queue; beyond it, items arrive faster than they are written."""
RETRY_SECONDS = 2.0


@dataclass(slots=True, eq=False)
class _Entry(Generic[T, R]):
    item: T
    result: R | None = None
    error: BaseException | None = None
    is_done: bool = False


class Together(Generic[T, R]):
    """Combines writes: one thread at a time writes the items that all have queued. Thread-safe.

    A single thread never waits; under load each write holds more items. An item that cannot be
    written in time is refused and not written. An exception of ``write`` is raised in every thread
    whose item was part of that write.

    Args:
        write: writes items and returns a result for each, in order.
        most: maximum number of items per write.
        waiting_max: maximum number of queued items.
        wait_seconds_max: maximum time that an item waits in the queue, in seconds.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], Sequence[R]],
        most: int,
        waiting_max: int = WAITING_MAX,
        wait_seconds_max: float = WAIT_SECONDS_MAX,
    ) -> None:
        self._write = write
        self._most = most
        self._waiting_max = waiting_max
        self._wait_seconds_max = wait_seconds_max
        self._waiting: list[_Entry[T, R]] = []
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, item: T) -> R:
        """Write an item, possibly together with others, and return its result.

        Raises:
            Exhausted: the queue is full or the item waited too long; the item is not written, and
                the error says after how many seconds to repeat.
        """
        mine: _Entry[T, R] = _Entry(item)
        with self._guard:
            if len(self._waiting) >= self._waiting_max:
                raise _too_much()
            self._waiting.append(mine)
        until = time.monotonic() + self._wait_seconds_max
        # The thread that holds the lock writes the queued items of the others as well.
        while not mine.is_done:
            seconds = max(0.0, until - time.monotonic())
            if not self._turn.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
                self._leave(mine)
                until = math.inf  # it is being written, and the answer is worth waiting for
                continue
            try:
                if not mine.is_done:
                    self._write_waiting()
            finally:
                self._turn.release()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]  # set with is_done

    def _leave(self, mine: _Entry[T, R]) -> None:
        """Remove an item from the queue and refuse it, unless it is already being written."""
        with self._guard:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise _too_much()

    def _write_waiting(self) -> None:
        with self._guard:
            entries, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            results = self._write([entry.item for entry in entries])
            for entry, result in zip(entries, results, strict=True):
                entry.result = result
        except BaseException as error:
            for entry in entries:
                entry.error = error
        finally:
            for entry in entries:
                entry.is_done = True


def _too_much() -> Exhausted:
    text = "more is submitted than the database can write now; repeat later"
    return Exhausted(text, retry_after_seconds=RETRY_SECONDS)
