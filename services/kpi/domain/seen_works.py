"""Which works were met: small enough for millions, wrong only on the safe side."""

from __future__ import annotations

import mmap
import zlib

BITS = 1 << 27
"""16 MiB, of which the system hands out only the pages that are touched; a million works take one
bit in a hundred and thirty."""


class SeenWorks:
    """A set of keys with one bit each: never forgets one, and rarely takes a new one for known."""

    def __init__(self) -> None:
        self._bits = mmap.mmap(-1, BITS // 8)

    def add(self, key: str) -> None:
        """Remember a key."""
        bit = zlib.crc32(key.encode()) % BITS
        self._bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, key: str) -> bool:
        """Tell whether the key may have been added; a no is certain."""
        bit = zlib.crc32(key.encode()) % BITS
        return bool(self._bits[bit >> 3] >> (bit & 7) & 1)
