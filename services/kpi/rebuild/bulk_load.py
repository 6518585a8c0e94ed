"""Bulk load of a rebuild: stores a partition from its shard totals, not event by event."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol

from services.kernel.kafka import Record
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.fold import roll_up
from services.kpi.domain.parking import Parked
from services.kpi.domain.work import Key
from services.kpi.rebuild.shard import Note, Part, ShardFold, ShardTotals, gather
from services.kpi.store.bulk_load import Document
from services.kpi.store.rows import PackedRow
from services.kpi.store.writes import Flush, PartitionLease

CHUNK_DOCUMENTS = 500
"""Maximum number of rows or parked records in one transaction of a bulk load."""

Read = Callable[[int], Iterable[Sequence[Record]]]
"""Reads a partition from its beginning up to an offset, in batches."""
Gather = Callable[[int, int, Note], Generator[Part, None, None]]
"""Folds a partition in a number of shards, up to an offset; yields parts and records read.

The parts of a shard come in a fixed order, shard after shard."""


class Loading(Protocol):
    """What a bulk load needs of the database; implemented by `store.bulk_load.BulkLoad`."""

    def begin(self, lease: PartitionLease, end: int, shards: int) -> tuple[int, int, int]:
        """Begin a bulk load or resume an interrupted one.

        Return end, number of shards and number of stored chunks; of a new load 0 chunks.
        """

    def put(self, lease: PartitionLease, number: int, chunk: Flush) -> None:
        """Write a chunk of the bulk load atomically."""

    def finish(self, lease: PartitionLease, chunks: int, position: Document) -> None:
        """Record that the bulk load is complete."""

    def note_read(self, lease: PartitionLease, records: int) -> None:
        """Store how many records the rebuild has read, for progress displays."""


def here(lease: PartitionLease, catalogue: Catalogue, read: Read, generation: int = 0) -> Gather:
    """Return a `Gather` that folds shard after shard in this process.

    Args:
        lease: lease of the partition.
        catalogue: what to count by.
        read: reads the log to an offset.
        generation: generation of the log.
    """

    def gather_all(shards: int, end: int, note: Note) -> Generator[Part, None, None]:
        for number in range(shards):
            fold = ShardFold(lease, catalogue, generation, (number, shards))
            for records in read(end):
                fold.apply(records)
                note(fold.read)
            yield from gather(fold)

    return gather_all


def rebuild(
    loading: Loading,
    lease: PartitionLease,
    catalogue: Catalogue,
    gather_all: Gather,
    end: int,
    shards: int,
) -> None:
    """Compute and bulk-load a claimed partition; an interrupted load is resumed.

    Args:
        loading: the store of the bulk load.
        lease: the partition, at the first offset of the view.
        catalogue: the view's catalogue.
        gather_all: folds the partition shard by shard.
        end: next offset after the load; an interrupted load keeps its own.
        shards: number of shards; an interrupted load keeps its own.

    Raises:
        OwnershipLost: another process continues the load.
    """
    end, shards, done = loading.begin(lease, end, shards)
    position: Document = {"next_offset": end, "runs": shards}
    at = Flush(lease, end, 0, frozenset())
    chunks = 0
    with closing(gather_all(shards, end, lambda read: loading.note_read(lease, read))) as all_:
        for chunk in _chunks(at, catalogue, all_, position):
            if chunks >= done:
                loading.put(lease, chunks, chunk)
            chunks += 1
    loading.finish(lease, chunks, position)


def _chunks(
    at: Flush, catalogue: Catalogue, gathered: Iterable[Part], position: Document
) -> Iterator[Flush]:
    """Yield the chunks of the bulk load in a fixed order; return the final position."""
    contributed: dict[Key, int] = {}
    parked: dict[int, Parked] = {}
    mended: set[int] = set()
    newest, republished, last_hash = 0, frozenset[str](), ""
    for part in gathered:
        if not isinstance(part, ShardTotals):
            yield _chunk(at, bundles=part)
            continue
        for cell, value in part.contributed.items():
            contributed[cell] = contributed.get(cell, 0) + value
        parked |= part.parked
        mended |= set(part.mended)
        newest = max(newest, part.newest_event_ms)
        republished, last_hash = part.republished, part.last_hash
    places = roll_up({cell: value for cell, value in contributed.items() if value}, catalogue)
    rows = iter(sorted(places.items()))
    while some_rows := dict(islice(rows, CHUNK_DOCUMENTS)):
        packed = {place: PackedRow.of(cells) for place, cells in some_rows.items()}
        yield _chunk(at, rows=packed, new_rows=set(packed))
    parked_refs = iter(sorted(parked.items()))
    while some := dict(islice(parked_refs, CHUNK_DOCUMENTS)):
        yield _chunk(at, parked=some, mended=sorted(mended & some.keys()))
    position |= {
        "newest_event_ms": newest,
        "republished": sorted(republished),
        "parked": len(parked) - len(mended),
        "last_hash": last_hash,
    }


def _chunk(at: Flush, **content: Any) -> Flush:
    return replace(at, **content)
