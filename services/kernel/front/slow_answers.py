"""Slow answers for callers that are refused again and again, so that they cannot spin.

A refusal costs the service about a millisecond of CPU, so a caller that repeats its call without a
pause keeps a core busy. The answer therefore waits, without a thread, once its caller was
refused more often than an honest program is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from services.kernel.front.budget import Budget

PROMPT_AT_ONCE = 200.0
PROMPT_PER_SECOND = 50.0
"""Refusals of one caller that are answered at once: a burst, and then so many per second."""
SLOW_SECONDS = 1.0
"""Time after which any other refusal is answered."""
WAITING_MAX = 4096
"""Maximum number of answers that wait; beyond it refusals are answered at once."""


class SlowAnswers:
    """Ends refused calls: at once, or late if the caller was refused too often. Thread-safe."""

    def __init__(self) -> None:
        self._prompt = Budget(PROMPT_AT_ONCE, PROMPT_PER_SECOND)
        self._waiting: SimpleQueue[tuple[float, Callable[[], None]] | None] = SimpleQueue()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the thread that answers late."""
        threading.Thread(target=self._answer_late, name="grpc-slow", daemon=True).start()

    def answer(self, caller: str, end: Callable[[], None]) -> None:
        """End a refused call: now, or after `SLOW_SECONDS` if its caller is often refused.

        Never blocks. While too many answers wait, or the process stops, the call ends now in any
        case.

        Args:
            caller: key of the refused caller: the institution or, if unknown, the address.
            end: sends the status; must not raise. A late answer runs it on another thread.
        """
        is_full = self._waiting.qsize() >= WAITING_MAX
        if is_full or self._stopping.is_set() or self._is_prompt(caller):
            end()
        else:
            self._waiting.put((time.monotonic() + SLOW_SECONDS, end))

    def delay(self, caller: str) -> None:
        """Block the thread that is about to refuse a stream for as long as a late answer waits.

        Return at once if this caller's refusals are still answered at once.

        Args:
            caller: key of the refused caller, as in `answer`.
        """
        if not self._is_prompt(caller):
            self._stopping.wait(SLOW_SECONDS)

    def _is_prompt(self, caller: str) -> bool:
        return self._prompt.may(caller) is not None

    def stop(self) -> None:
        """Send all waiting answers now, and each later one at once; the thread keeps running."""
        self._stopping.set()

    def close(self) -> None:
        """End the thread. Call it once no call can be refused any more."""
        self._waiting.put(None)

    def _answer_late(self) -> None:
        # All wait equally long, so they end in the order in which they came.
        while (next_one := self._waiting.get()) is not None:
            due, end = next_one
            self._stopping.wait(max(0.0, due - time.monotonic()))
            end()
