"""Loads a partition of a view at once, from what was gathered of it, instead of event by event."""

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
"""Rows or parked records of one transaction."""

Read = Callable[[int], Iterable[Sequence[Record]]]
"""Reads a partition from its beginning up to an offset, in batches."""
Gather = Callable[[int, int, Note], Generator[Part, None, None]]
"""Gathers a partition in so many shards, up to an offset, and tells how much was read.

The parts of a shard come in one fixed order, and those of the next shard after them."""


class Loading(Protocol):
    """What a rebuild needs of the database; `store.loading.BulkLoad` is the real one."""

    def begin(self, lease: PartitionLease, end: int, shards: int) -> tuple[int, int, int]:
        """Say up to where the log is loaded, and in how many shards.

        Return end and shards of an interrupted load, and how many chunks it has loaded.
        """

    def put(self, lease: PartitionLease, number: int, chunk: Flush) -> None:
        """Write a chunk, all of it or nothing."""

    def finish(self, lease: PartitionLease, chunks: int, position: Document) -> None:
        """Say that everything is loaded."""

    def note_read(self, lease: PartitionLease, records: int) -> None:
        """Tell how many records were read."""


def here(lease: PartitionLease, catalogue: Catalogue, read: Read, generation: int = 0) -> Gather:
    """Return what gathers shard after shard in this process."""

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
    """Compute and load a partition that was claimed; one that was interrupted goes on.

    Args:
        loading: where it is loaded to.
        lease: the partition, where the view begins.
        catalogue: the view's catalogue.
        gather_all: gathers the partition.
        end: offset to stand at; an interrupted load keeps its own.
        shards: in how many shards; an interrupted load keeps its own.

    Raises:
        OwnershipLost: another process goes on with it.
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
    """Return everything that is to be stored, in one fixed order; at last say where it stands."""
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
