"""Bulk load of a rebuild: stores a partition from the totals of its shards, not event by event.

A transaction contains as many documents as the database stores well within the time limit, see
`projection.flush_size`. If one exceeds the limit, the rest is stored in smaller transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol, TypeVar

from services.kernel.kafka import Record
from services.kernel.mongo import DOWN
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.fold import roll_up
from services.kpi.domain.parking import Parked
from services.kpi.domain.work import Key
from services.kpi.projection.flush_size import FlushSize
from services.kpi.rebuild.shard import Note, Part, ShardFold, ShardTotals, gather
from services.kpi.store.bulk_load import Document
from services.kpi.store.rows import PackedRow
from services.kpi.store.writes import Flush, PartitionLease

K = TypeVar("K")
V = TypeVar("V")

CHUNK_DOCUMENTS = 500
"""Number of rows or parked records that are encoded at a time."""

Read = Callable[[int], Iterable[Sequence[Record]]]
"""Reads the records of a partition from its beginning to before an offset, in batches."""
Gather = Callable[[int, int, Note], Generator[Part, None, None]]
"""Folds a partition in shards up to an offset, and yields the parts to store.

Its arguments are the number of shards, the end offset, and a function that is called with the
number of records read. Parts come in a fixed order, shard after shard, so that an interrupted load
can be resumed.
"""


class Loading(Protocol):
    """What a bulk load needs of its store; implemented by `store.bulk_load.BulkLoad`."""

    def begin(self, lease: PartitionLease, end: int, shards: int) -> tuple[int, int, int]:
        """Begin a bulk load, or resume an interrupted one, which keeps its end and shards.

        Returns:
            End offset, number of shards, and number of documents stored so far.
        """

    def put(self, lease: PartitionLease, written: int, chunk: Flush) -> None:
        """Store the documents in ``chunk``, which follow the first ``written`` ones, atomically."""

    def finish(self, lease: PartitionLease, written: int, position: Document) -> None:
        """Record that all documents are stored, and store the final checkpoint of the partition."""

    def note_read(self, lease: PartitionLease, records: int) -> None:
        """Store how many records have been read, for progress displays."""


def here(lease: PartitionLease, catalogue: Catalogue, read: Read, generation: int = 0) -> Gather:
    """Return a `Gather` that folds shard after shard in this process, reading all for each.

    Args:
        lease: lease of the partition.
        catalogue: the view's catalogue.
        read: reads the records of the partition.
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
    """Compute the documents of a claimed partition and store them, up to ``end``.

    An interrupted load is resumed after the last stored document.

    Args:
        loading: store of the bulk load.
        lease: lease of the partition, at the first offset of the view.
        catalogue: the view's catalogue.
        gather_all: folds the partition in shards.
        end: offset before which to stop; a resumed load keeps its own.
        shards: number of shards; a resumed load keeps its own.

    Raises:
        OwnershipLost: another process has taken over the load.
    """
    end, shards, written = loading.begin(lease, end, shards)
    position: Document = {"next_offset": end, "runs": shards}
    at = Flush(lease, end, 0, frozenset())
    size, passed = FlushSize(), 0
    with closing(gather_all(shards, end, lambda read: loading.note_read(lease, read))) as all_:
        for chunk in _chunks(at, catalogue, all_, position):
            passed_then = passed + _documents(chunk)
            while written < passed_then:
                part = _part(chunk, written - passed, size.records)
                written = _store(loading, written, part, size)
            passed = passed_then
    loading.finish(lease, passed, position)


def _store(loading: Loading, written: int, part: Flush, size: FlushSize) -> int:
    """Store documents, or make the next transaction smaller; return how many are stored by then.

    Raises the error of the database if it does not even store a single document in time.

    Args:
        loading: store of the bulk load.
        written: number of documents stored before.
        part: documents to store.
        size: limit for transactions.
    """
    documents = _documents(part)
    try:
        with size.measured(documents):
            loading.put(part.lease, written, part)
    except DOWN:
        if documents == 1:
            raise
        # Only the answer may be lost, and the documents stored.
        return loading.begin(part.lease, 0, 0)[2]
    return written + documents


def _documents(chunk: Flush) -> int:
    return len(chunk.bundles) + len(chunk.rows) + len(chunk.parked)


def _part(chunk: Flush, begin: int, most: int) -> Flush:
    """Return some of the documents of a chunk, which are all of one kind."""

    def some(content: dict[K, V]) -> dict[K, V]:
        return dict(islice(content.items(), begin, begin + most))

    rows, parked = some(chunk.rows), some(chunk.parked)
    mended = [offset for offset in chunk.mended if offset in parked]
    content: Any = {"bundles": some(chunk.bundles), "rows": rows, "parked": parked}
    return replace(chunk, **content, new_rows=set(rows), mended=mended)


def _chunks(
    at: Flush, catalogue: Catalogue, gathered: Iterable[Part], position: Document
) -> Iterator[Flush]:
    """Yield the chunks of a bulk load in a fixed order; put the checkpoint into ``position``."""
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
        yield _chunk(at, rows=packed)
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
