"""A compact set of the work keys seen so far, which may err on the side of "seen"."""

from __future__ import annotations

import mmap
import zlib

BITS = 1 << 27
"""Size of the set in bits: 16 MiB, of which the system allocates only the pages in use.

With a million works, about one bit in 130 is set.
"""


class SeenWorks:
    """A set of work keys with one bit per key: a filter with rare false positives."""

    def __init__(self) -> None:
        self._bits = mmap.mmap(-1, BITS // 8)

    def add(self, key: str) -> None:
        """Mark a work key as seen."""
        bit = zlib.crc32(key.encode()) % BITS
        self._bits[bit >> 3] |= 1 << (bit & 7)

    def __contains__(self, key: str) -> bool:
        """Return False if the work key was certainly never added; True may be wrong."""
        bit = zlib.crc32(key.encode()) % BITS
        return bool(self._bits[bit >> 3] >> (bit & 7) & 1)
