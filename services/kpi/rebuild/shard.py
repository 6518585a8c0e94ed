"""Folds one shard of a partition in memory, into its works and the totals of its cells.

A view is a pure function of the log, so only the newest statement of each submission is kept while
reading, and what a work contributes is computed once, after everything is read. Decoding and
parking are those of the live projection, so that both arrive at the same digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias
from zlib import crc32

from services.kernel.kafka import Record
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.contribution import contribution
from services.kpi.domain.parking import UNLIMITED, Parked
from services.kpi.domain.work import Key, Statement, Work
from services.kpi.log.identity import event_hash
from services.kpi.projection.decoder import Decoder
from services.kpi.store.bundle_writer import Binder
from services.kpi.store.work_documents import WorkDocuments
from services.kpi.store.writes import Flush, PartitionLease
from services.kpi.wire import events

EVENTS_PER_SHARD = 500_000
"""Maximum number of events for which one shard suffices, which limits memory.

A longer log is folded in several shards, each of which reads all of it.
"""
CHUNK_WORKS = 4096
CHUNK_LEADS = 100
"""Maximum number of index documents of bundles per transaction.

In a large view each has about 100 KB, at most 2 MB.
"""

Note = Callable[[int], None]
"""Function called periodically with the number of records read; may raise to stop the fold."""


def shard_of(work_key: str, shards: int) -> int:
    """Return the number of the shard that a work belongs to: 0 to ``shards`` - 1."""
    return crc32(work_key.encode()) % shards


def shard_count(events: int) -> int:
    """Return the number of shards in which a log with this many events fits into memory."""
    return max(1, -(-events // EVENTS_PER_SHARD))


class ShardFold:
    """One shard of a partition: the newest statements about its works.

    Args:
        lease: lease of the partition, at the first offset of the view.
        catalogue: the view's catalogue.
        generation: generation of the log.
        shard: number of this shard, and number of shards.
    """

    def __init__(
        self,
        lease: PartitionLease,
        catalogue: Catalogue,
        generation: int = 0,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        remainder, shards = self.shard = shard

        def is_foreign(work_key: str) -> bool:
            return shard_of(work_key, shards) != remainder

        # Unlimited here: whether a new view parks too many is checked once all are counted.
        self.decoder = Decoder(
            catalogue, UNLIMITED, generation, is_foreign=is_foreign if shards > 1 else None
        )
        self.flush = Flush(lease, 0, 0, frozenset())
        self.read = 0
        self._catalogue = catalogue
        self._documents = WorkDocuments(catalogue)
        self._newest: dict[str, dict[str, Statement]] = {}

    def apply(self, records: Sequence[Record]) -> None:
        """Take in a batch of the partition, keeping the newest statements of this shard in memory.

        Records of other shards are ignored; nothing is stored.

        Args:
            records: records of the partition, in order.
        """
        if not records:
            return
        newest = self._newest
        for event, statement in self.decoder.decode(records, self.flush):
            said = newest.setdefault(event.work_key, {})
            name = events.name_of(event)
            known = said.get(name)
            if known is None or known.version < statement.version:
                said[name] = statement
        self.flush.skipped.clear()  # not needed, and a log may contain any number of types
        self.read += len(records)
        self.flush.next_offset = records[-1].offset + 1
        self.flush.last_hash = event_hash(records[-1])

    def works(self) -> Iterator[tuple[str, Work]]:
        """Yield (work key, work) for every work of the shard, in order of key."""
        for key in sorted(self._newest):
            said = self._newest[key]
            yield key, Work(said, contribution(said.values(), self._catalogue))

    @property
    def parked(self) -> int:
        """Number of parked records of the shard that no newer version has replaced."""
        return len(self.flush.parked) - len(self.flush.mended)

    def document(self, work: Work) -> dict[str, Any]:
        """Return the fields of the document in which a work is stored: field name -> value."""
        return self._documents.fields(work)


@dataclass(frozen=True, slots=True)
class ShardTotals:
    """The totals of a shard, which follow the bundles of its works.

    Args:
        contributed: key of a cell -> sum of the contributions of all works in the shard.
        parked: offset -> parked record.
        mended: offsets of parked records that a newer version replaced.
        newest_event_ms: time of the newest event of the shard, in ms since 1970.
        republished: institutions whose log has been republished.
        last_hash: `event_hash` of the last record.
    """

    contributed: dict[Key, int]
    parked: dict[int, Parked]
    mended: list[int]
    newest_event_ms: int
    republished: frozenset[str]
    last_hash: str


Part: TypeAlias = "dict[str, bytes] | ShardTotals"
"""What one transaction stores: name -> content of bundles or their indexes; last the totals."""


def gather(fold: ShardFold) -> Iterator[Part]:
    """Yield the bundles of a shard, in order of work key, then their indexes, then its totals.

    Call it after the whole partition was applied.
    """
    contributed: dict[Key, int] = {}
    binder, works = Binder(fold.shard[0]), fold.works()
    while some := dict(islice(works, CHUNK_WORKS)):
        for work in some.values():
            for cell, value in work.contributed.items():
                contributed[cell] = contributed.get(cell, 0) + value
        yield binder.take({key: fold.document(work) for key, work in some.items()})
    leads = binder.leads()
    while several := dict(islice(leads, CHUNK_LEADS)):
        yield several
    flush = fold.flush
    yield ShardTotals(
        contributed,
        flush.parked,
        flush.mended,
        flush.newest_event_ms,
        flush.republished,
        flush.last_hash,
    )
