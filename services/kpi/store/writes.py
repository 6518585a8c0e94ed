"""What a flush writes, as operations of pymongo: rows, works, bundles and parked records.

A document that is known to be new is inserted: that costs the database half of an upsert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateOne

from services.kpi.domain.fold import CellKey, RowKey
from services.kpi.domain.parking import Parked
from services.kpi.store.rows import PackedRow

Write = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]] | UpdateOne


@dataclass(frozen=True, slots=True)
class PartitionLease:
    """A partition of a view that this process owns, and where it stands."""

    view_id: str
    partition: int
    epoch: int
    next_offset: int
    newest_event_ms: int
    parked: int
    """Records that were set aside and wait for a newer version of their submission."""
    republished: frozenset[str]
    last_hash: str = ""
    """Identity of the last record that was folded; empty when it is not known."""
    runs: int = 0
    """How many runs of bundles its bulk load left."""


@dataclass(slots=True)
class Flush:
    """What one batch changes.

    Args:
        lease: where the partition stood.
        next_offset: where it stands after the batch.
        rows: (unit id, month) -> its cells, whole.
        works: work key -> document fields `u`, `j`, `c`.
        parked: offset -> what is kept of a record that cannot be folded.
        mended: offsets of parked records that a newer version replaced.
        last_hash: identity of the batch's last record.
        new_rows: those of the rows that are known not to be stored yet.
        new_works: those of the works that are known not to be stored yet.
        bundles: name -> content of bundles of works; a bulk load's only.
        changed: (unit id, month) of a row -> its cells that the batch changed, with their values.
        skipped: event type that this release does not know -> records of it; they are not stored.
    """

    lease: PartitionLease
    next_offset: int
    newest_event_ms: int
    republished: frozenset[str]
    rows: dict[RowKey, PackedRow] = field(default_factory=dict)
    works: dict[str, dict[str, Any]] = field(default_factory=dict)
    parked: dict[int, Parked] = field(default_factory=dict)
    mended: list[int] = field(default_factory=list)
    last_hash: str = ""
    new_rows: set[RowKey] = field(default_factory=set)
    new_works: set[str] = field(default_factory=set)
    bundles: dict[str, bytes] = field(default_factory=dict)
    changed: dict[RowKey, Mapping[CellKey, int]] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def last_offset(self) -> int:
        """Offset of the newest record of the batch."""
        return self.next_offset - 1

    def done(self) -> PartitionLease:
        """Return where the partition stands when this is committed."""
        return replace(
            self.lease,
            next_offset=self.next_offset,
            newest_event_ms=self.newest_event_ms,
            parked=self.lease.parked + len(self.parked) - len(self.mended),
            republished=self.republished,
            last_hash=self.last_hash,
        )


def row_id(lease: PartitionLease, unit_id: str, month: int) -> str:
    """Return the `_id` of a row."""
    return f"{lease.view_id}|{lease.partition}|{unit_id}|{month}"


def work_id(lease: PartitionLease, key: str) -> str:
    """Return the `_id` of a work."""
    return f"{lease.view_id}|{lease.partition}|{key}"


def row_writes(flush: Flush) -> list[Write]:
    """Return the operations that store the rows."""
    lease, writes = flush.lease, []
    for place, row in flush.rows.items():
        unit_id, month = place
        document = {
            "_id": row_id(lease, unit_id, month),
            "v": lease.view_id,
            "p": lease.partition,
            "u": unit_id,
            "m": month,
            "o": flush.last_offset,
            **row.fields(),
        }
        writes.append(_write(document, place in flush.new_rows))
    return writes


def work_writes(flush: Flush) -> list[Write]:
    """Return the operations that store the works."""
    lease, writes = flush.lease, []
    for key, fields in flush.works.items():
        document = {
            "_id": work_id(lease, key),
            "v": lease.view_id,
            "p": lease.partition,
            "k": key,
            **fields,
        }
        writes.append(_write(document, key in flush.new_works))
    return writes


def bundle_writes(flush: Flush) -> list[Write]:
    """Return the operations that store the bundles."""
    lease = flush.lease
    place = {"v": lease.view_id, "p": lease.partition}
    return [
        InsertOne({"_id": f"{lease.view_id}|{lease.partition}|{name}", **place, "content": content})
        for name, content in flush.bundles.items()
    ]


def parked_writes(flush: Flush) -> list[Write]:
    """Return the writes of parked records; one that was parked and mended is written once."""
    lease, mended = flush.lease, set(flush.mended)
    writes: list[Write] = [
        _insert_parked(lease, offset, parked, is_open=offset not in mended)
        for offset, parked in flush.parked.items()
    ]
    closed = {"$set": {"open": False}}
    before = sorted(mended - flush.parked.keys())
    return writes + [UpdateOne({"_id": _parked_id(lease, offset)}, closed) for offset in before]


def _insert_parked(
    lease: PartitionLease, offset: int, parked: Parked, *, is_open: bool
) -> InsertOne[dict[str, Any]]:
    document = {
        "_id": _parked_id(lease, offset),
        "v": lease.view_id,
        "p": lease.partition,
        "o": offset,
        "i": parked.institution_id,
        "s": parked.submission_id,
        "n": parked.version,
        "k": parked.work_key,
        "type": parked.type,
        "at": parked.recorded_ms,
        "reason": parked.reason,
        "value": parked.value,
        "open": is_open,
    }
    return InsertOne(document)


def _parked_id(lease: PartitionLease, offset: int) -> str:
    return f"{lease.view_id}|{lease.partition}|{offset}"


def _write(document: dict[str, Any], is_new: bool) -> Write:
    if is_new:
        return InsertOne(document)
    return ReplaceOne({"_id": document["_id"]}, document, upsert=True)
