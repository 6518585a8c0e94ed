"""A projection store in memory, for replays and verification: nothing outlives the process."""

from __future__ import annotations

from collections.abc import Sequence

from services.kpi.domain.cube import Cube
from services.kpi.domain.fold import RowKey
from services.kpi.domain.parking import ParkedRef
from services.kpi.store.ledger import Flush, PartitionLease
from services.kpi.store.rows import PackedRow


class MemoryStore:
    """A view kept in memory only; used in place of the ledger by replays and verification."""

    def __init__(self) -> None:
        self._works: dict[str, list[bytes]] = {}
        self._rows: dict[RowKey, PackedRow] = {}

    def works(self, lease: PartitionLease, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Return works in memory by key."""
        return {key: self._works[key] for key in keys if key in self._works}

    def rows(self, lease: PartitionLease, keys: Sequence[RowKey]) -> dict[RowKey, PackedRow]:
        """Return rows in memory by (unit id, month)."""
        return {key: self._rows[key] for key in keys if key in self._rows}

    def parked_refs(self, lease: PartitionLease) -> list[ParkedRef]:
        """Return no refs: within one process the fold itself remembers what it parked."""
        return []

    def commit(self, flush: Flush) -> None:
        """Apply the rows and works of a flush to memory; never fails."""
        self._rows.update(flush.rows)
        self._works.update({key: fields["c"] for key, fields in flush.works.items()})

    def works_kept(self) -> list[tuple[str, list[bytes]]]:
        """Return every work in memory: key, newest event of each submission."""
        return list(self._works.items())

    def put_into(self, cube: Cube, partition: int) -> None:
        """Copy all rows in memory into a cube."""
        for (unit_id, month), row in self._rows.items():
            cube.put(partition, unit_id, month, row.cells())
