"""Combines the concurrent writes of several threads into one database call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class _Entry(Generic[T, R]):
    item: T
    result: R | None = None
    error: BaseException | None = None
    is_done: bool = False


class Together(Generic[T, R]):
    """Calls ``write`` from one thread at a time, with all items queued meanwhile. Thread-safe.

    A single thread never waits; under load the writes grow instead of the queue. An exception of
    ``write`` is raised in every thread whose item was part of it.

    Args:
        write: writes items and returns a result for each, in order.
        most: maximum number of items per write.
    """

    def __init__(self, write: Callable[[Sequence[T]], Sequence[R]], most: int) -> None:
        self._write = write
        self._most = most
        self._waiting: list[_Entry[T, R]] = []
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, item: T) -> R:
        """Write an item, possibly combined with others; return its result or raise its error."""
        mine: _Entry[T, R] = _Entry(item)
        with self._guard:
            self._waiting.append(mine)
        # The thread that holds the lock writes the queued items of the others as well.
        while not mine.is_done:
            with self._turn:
                if not mine.is_done:
                    self._write_waiting()
        if mine.error is not None:
            raise mine.error
        return mine.result  # type: ignore[return-value]  # set with is_done

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
