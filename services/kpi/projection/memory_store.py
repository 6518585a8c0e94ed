"""Stores a projection in memory, for replays and verification; nothing outlives the process."""

from __future__ import annotations

from collections.abc import Sequence

from services.kpi.domain.cube import Cube
from services.kpi.domain.fold import RowKey
from services.kpi.domain.parking import ParkedRef
from services.kpi.store.ledger import Flush, PartitionLease
from services.kpi.store.rows import PackedRow


class MemoryStore:
    """A view that is kept in memory, as a `ProjectionStore` for replays and verification.

    ``lease`` arguments are ignored: a store holds one partition, which no other process can own.
    """

    def __init__(self) -> None:
        self._works: dict[str, list[bytes]] = {}
        self._rows: dict[RowKey, PackedRow] = {}

    def works(self, lease: PartitionLease, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Return work key -> encoded newest events of its submissions, without unknown works."""
        return {key: self._works[key] for key in keys if key in self._works}

    def rows(self, lease: PartitionLease, keys: Sequence[RowKey]) -> dict[RowKey, PackedRow]:
        """Return (unit id, month) -> row; unknown rows are left out."""
        return {key: self._rows[key] for key in keys if key in self._rows}

    def parked_refs(self, lease: PartitionLease) -> list[ParkedRef]:
        """Return an empty list, because the fold itself remembers the records that it parked."""
        return []

    def commit(self, flush: Flush) -> None:
        """Store the rows and works of a flush; never fails."""
        self._rows.update(flush.rows)
        self._works.update({key: fields["c"] for key, fields in flush.works.items()})

    def works_kept(self) -> list[tuple[str, list[bytes]]]:
        """Return all works as (work key, encoded newest events of its submissions)."""
        return list(self._works.items())

    def put_into(self, cube: Cube, partition: int) -> None:
        """Copy all rows into a cube.

        Args:
            cube: receives the rows.
            partition: partition that the cube records as their origin.
        """
        for (unit_id, month), row in self._rows.items():
            cube.put(partition, unit_id, month, row.cells())
