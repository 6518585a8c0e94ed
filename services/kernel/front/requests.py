"""The messages of a client stream; each is requested once the previous one has been taken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from services.kernel.errors import Refusal, TooSlow
from services.kernel.front.arrival import Arrival


class Requests(Iterator[Any]):
    """Iterator over the messages of a client stream, for use by one thread.

    The iteration also ends if the stream breaks: the method can still finish its work on the
    messages received, and afterwards the call ends with the status of ``refusal``.

    Args:
        arrival: the call.
        first: its first message, already received.
        idle_seconds: maximum time between two messages.
        parse: parses the bytes of a message; raises InvalidArgument if they are corrupt.
    """

    def __init__(
        self, arrival: Arrival, first: bytes, idle_seconds: float, parse: Callable[[bytes], Any]
    ) -> None:
        self._arrival, self._idle_seconds, self._parse = arrival, idle_seconds, parse
        self._message: bytes | None = first
        self._come = threading.Event()
        self._come.set()
        self.refusal: Refusal | None = None

    def __next__(self) -> Any:
        """Return the next message; end the iteration if none arrives within ``idle_seconds``."""
        if not self._come.wait(self._idle_seconds):
            text = f"no message came for {self._idle_seconds:g} seconds; call again"
            self.refusal = TooSlow(text)
        elif self._message is not None and self.refusal is None:
            try:
                return self._parse(self._message)
            except Refusal as refusal:
                self.refusal = refusal
            finally:
                self._come.clear()
                self._arrival.receive(self._arrived)
        raise StopIteration

    def _arrived(self, message: bytes | None) -> None:
        self._message = message
        self._come.set()
