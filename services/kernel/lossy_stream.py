"""A stream for messages that must not fail: a full disk drops them instead of ending the program.

Commands import this module too, so it imports nothing that would cost them time.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TextIO


class LossyStream:
    """A text stream that drops what the disk has no room for instead of raising `OSError`.

    Args:
        stream: gets what is written; everything but writing and flushing is its own.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text if there is room; return its length either way."""
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush; what does not fit is flushed with the next message."""
        with suppress(OSError):
            self._stream.flush()
