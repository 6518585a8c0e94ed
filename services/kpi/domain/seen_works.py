"""A compact set of seen work keys (a one-bit hash filter); only false positives."""

from __future__ import annotations

import mmap
import zlib

BITS = 1 << 27
"""16 MiB, of which the system allocates only the touched pages; a million works take one bit in a
hundred and thirty."""


class SeenWorks:
    """A set of work keys, one bit each: no false negatives, rare false positives."""

    def __init__(self) -> None:
        self._bits = mmap.mmap(-1, BITS // 8)

    def add(self, key: str) -> None:
        """Add a work key to the seen ones."""
        bit = zlib.crc32(key.encode()) % BITS
        self._bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, key: str) -> bool:
        """Return False if the work key was certainly not added."""
        bit = zlib.crc32(key.encode()) % BITS
        return bool(self._bits[bit >> 3] >> (bit & 7) & 1)
