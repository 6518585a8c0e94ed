"""Folds one shard of a partition in memory: its works, and the totals of its cells.

A view is a pure function of the log, so only the newest statement of each submission is kept while
reading. What a work contributes is computed once, when everything is read. Decoding and parking
are those of the live projection, so that both arrive at the same digest.
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
"""Bounds the memory of a shard: a longer log is folded in several, each reading all of it."""
CHUNK_WORKS = 4096
CHUNK_LEADS = 100
"""Index documents of bundles per transaction: about 100 KB each in a large view, 2 MB at most."""

Note = Callable[[int], None]
"""Called periodically with the number of records read; may raise to stop the shard."""


def shard_of(work_key: str, shards: int) -> int:
    """Return the number of the rebuild shard that a work belongs to."""
    return crc32(work_key.encode()) % shards


def shard_count(events: int) -> int:
    """Return the number of shards in which a log of so many events fits into memory."""
    return max(1, -(-events // EVENTS_PER_SHARD))


class ShardFold:
    """One shard of a partition: the newest statements of its works.

    Args:
        lease: the partition, at the first offset of the view.
        catalogue: the view's catalogue.
        generation: log generation.
        shard: number of this shard and number of shards.
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

        # The limits of a new view are checked when all records are counted.
        self.decoder = Decoder(
            catalogue, UNLIMITED, generation, is_foreign=is_foreign if shards > 1 else None
        )
        self.flush = Flush(lease, 0, 0, frozenset())
        self.read = 0
        self._catalogue = catalogue
        self._documents = WorkDocuments(catalogue)
        self._newest: dict[str, dict[str, Statement]] = {}

    def apply(self, records: Sequence[Record]) -> None:
        """Keep each submission's newest statement of a batch for this shard; writes nothing."""
        if not records:
            return
        newest = self._newest
        for event, statement in self.decoder.decode(records, self.flush):
            said = newest.setdefault(event.work_key, {})
            name = events.name_of(event)
            known = said.get(name)
            if known is None or known.version < statement.version:
                said[name] = statement
        self.flush.skipped.clear()  # a log may name any number of types
        self.read += len(records)
        self.flush.next_offset = records[-1].offset + 1
        self.flush.last_hash = event_hash(records[-1])

    def works(self) -> Iterator[tuple[str, Work]]:
        """Return every work of the shard with its contribution, in order of key."""
        for key in sorted(self._newest):
            said = self._newest[key]
            yield key, Work(said, contribution(said.values(), self._catalogue))

    @property
    def parked(self) -> int:
        """Parked records of the shard that no newer version has replaced."""
        return len(self.flush.parked) - len(self.flush.mended)

    def document(self, work: Work) -> dict[str, Any]:
        """Return the fields of a work's stored document."""
        return self._documents.fields(work)


@dataclass(frozen=True, slots=True)
class ShardTotals:
    """The totals of a shard; its works were sent before in bundles.

    Args:
        contributed: sum of the contributions of all works of the shard.
        parked: offset -> what is kept of a record that cannot be folded.
        mended: offsets of parked records that a newer version replaced.
        newest_event_ms: when the newest event of the shard was made.
        republished: institutions that the log has published again.
        last_hash: identity of the last record.
    """

    contributed: dict[Key, int]
    parked: dict[int, Parked]
    mended: list[int]
    newest_event_ms: int
    republished: frozenset[str]
    last_hash: str


Part: TypeAlias = "dict[str, bytes] | ShardTotals"
"""Bundles and their index documents of one transaction, by name; at the end the shard's totals."""


def gather(fold: ShardFold) -> Iterator[Part]:
    """Yield the bundles of a fully read shard, then its totals."""
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
