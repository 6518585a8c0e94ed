"""A flush as pymongo write operations for rows, works, bundles and parked records.

A document that is known to be new is inserted, at half the cost of an upsert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateOne

from services.kernel.publisher import Event
from services.kpi.domain.fold import CellKey, RowKey
from services.kpi.domain.parking import Parked
from services.kpi.store.rows import PackedRow

Write = InsertOne[dict[str, Any]] | ReplaceOne[dict[str, Any]] | UpdateOne


@dataclass(frozen=True, slots=True)
class PartitionLease:
    """The lease of one partition of a view, with the checkpoint that it was taken at.

    Args:
        view_id: id of the view.
        partition: number of the partition.
        epoch: fencing token of the lease.
        next_offset: checkpoint, i.e. offset of the next record to fold.
        newest_event_ms: time of the newest event, in ms since 1970; 0 if there is none.
        parked: number of open parked records, which a newer version of their submission would
            replace.
        republished: institutions whose log has been republished in this partition.
        last_hash: `event_hash` of the last folded record; empty if unknown.
        runs: number of runs of bundles of its bulk load; 0 without one.
    """

    view_id: str
    partition: int
    epoch: int
    next_offset: int
    newest_event_ms: int
    parked: int
    republished: frozenset[str]
    last_hash: str = ""
    runs: int = 0


@dataclass(slots=True)
class Flush:
    """The changes of one batch, to be committed in one transaction.

    Args:
        lease: lease of the partition before the batch.
        next_offset: checkpoint after the batch.
        newest_event_ms: time of the newest event so far, in ms since 1970.
        republished: institutions whose log has been republished in this partition so far.
        rows: (unit id, month) -> row with all its cells.
        works: work key -> fields of its document, see `WorkDocuments.fields`.
        parked: offset -> parked record.
        mended: offsets of parked records that a newer version replaced.
        last_hash: `event_hash` of the last record of the batch.
        new_rows: (unit id, month) of rows that are known not to be stored yet.
        new_works: keys of works that are known not to be stored yet.
        bundles: name -> content of bundles of works; only in a bulk load.
        changed: (unit id, month) of a row -> its changed cells with their new values.
        skipped: unknown event type -> number of its records; not stored.
        events: events to publish before the flush is committed; not stored.
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
    events: list[Event] = field(default_factory=list)

    @property
    def last_offset(self) -> int:
        """Offset of the last record of the batch."""
        return self.next_offset - 1

    def done(self) -> PartitionLease:
        """Return the lease as it is after this flush has been committed."""
        return replace(
            self.lease,
            next_offset=self.next_offset,
            newest_event_ms=self.newest_event_ms,
            parked=self.lease.parked + len(self.parked) - len(self.mended),
            republished=self.republished,
            last_hash=self.last_hash,
        )


def row_id(lease: PartitionLease, unit_id: str, month: int) -> str:
    """Return the `_id` of a row's document: `<view>|<partition>|<unit>|<month>`."""
    return f"{lease.view_id}|{lease.partition}|{unit_id}|{month}"


def work_id(lease: PartitionLease, key: str) -> str:
    """Return the `_id` of a work's document: `<view>|<partition>|<work key>`."""
    return f"{lease.view_id}|{lease.partition}|{key}"


def row_writes(flush: Flush) -> list[Write]:
    """Return a write operation for each row of a flush: an insert if new, else a replacement."""
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
    """Return a write operation for each work of a flush: an insert if new, else a replacement."""
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
    """Return an insert for each bundle of works in a flush; empty outside a bulk load."""
    lease = flush.lease
    place = {"v": lease.view_id, "p": lease.partition}
    return [
        InsertOne({"_id": f"{lease.view_id}|{lease.partition}|{name}", **place, "content": content})
        for name, content in flush.bundles.items()
    ]


def parked_writes(flush: Flush) -> list[Write]:
    """Return the write operations for parked records, including those that were replaced.

    A record that was parked and replaced within the flush is written once.
    """
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
