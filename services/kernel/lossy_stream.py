"""A stream for messages that must not fail: if the disk is full they are dropped.

Commands import this module too, so it imports nothing that would slow down their start.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, TextIO


class LossyStream:
    """A text stream that drops text the disk has no room for, instead of raising `OSError`.

    Args:
        stream: receives the text; also provides all other methods and attributes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text if there is room for it, else drop it; return its length in either case."""
        with suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush if there is room; otherwise leave the text to a later flush."""
        with suppress(OSError):
            self._stream.flush()
