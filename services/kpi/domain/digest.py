"""The digest of a view: a hash over all cells, whatever their order, updated incrementally.

Every cell is hashed to 2048 bits and the hashes are added modulo 2^2048 (AdHash); the digest is the
SHA-256 of the sum. A changed cell costs two hashes, whatever the size of the view. Cells whose
value is zero are left out.

    cell   := unit TAB month TAB column TAB member TAB value     (UTF-8; member empty for counts)
    sum    := sum over cells of SHAKE-256(cell, 256 bytes), big-endian, modulo 2^2048
    digest := SHA-256(sum, 256 bytes, big-endian), lower-case hex
"""

from __future__ import annotations

import hashlib

HASH_BYTES = 256
MODULUS = 1 << (8 * HASH_BYTES)


class Digest:
    """The digest of a view, kept as a running sum of cell hashes; initially that of no cells."""

    def __init__(self) -> None:
        self._sum = 0

    def replace(
        self, unit_id: str, month: str, column: str, member: str, old: int, new: int
    ) -> None:
        """Update the digest for a cell whose value changes.

        Args:
            unit_id: unit of the cell.
            month: month of the cell, `YYYY-MM`.
            column: name of the column: indicator, part and measure.
            member: member of a distinct count; empty for other counts.
            old: former value; 0 if the cell did not exist.
            new: new value; 0 if the cell no longer exists.
        """
        if old:
            self._sum -= cell_hash(unit_id, month, column, member, old)
        if new:
            self._sum += cell_hash(unit_id, month, column, member, new)
        self._sum %= MODULUS

    def hex(self) -> str:
        """Return the digest as 64 lower-case hex digits."""
        return hashlib.sha256(self._sum.to_bytes(HASH_BYTES, "big")).hexdigest()


def cell_hash(unit_id: str, month: str, column: str, member: str, value: int) -> int:
    """Return the hash of one cell, a number below 2^2048.

    Args:
        unit_id: unit of the cell.
        month: month of the cell, `YYYY-MM`.
        column: name of the column: indicator, part and measure.
        member: member of a distinct count; empty for other counts.
        value: value of the cell, not 0.
    """
    text = f"{unit_id}\t{month}\t{column}\t{member}\t{value}"
    return int.from_bytes(hashlib.shake_256(text.encode()).digest(HASH_BYTES), "big")
