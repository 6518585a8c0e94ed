"""Reads a shard of a partition in memory: what its works say in the end, and what they add up to.

A view is a pure function of the log, so only the newest statement of each submission is kept while
reading. What a work contributes is computed once, when everything is read. Decoding and setting
aside are the fold's own, so that both end with the same digest.
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

EVENTS_PER_SHARD = 500_000
"""Bounds the memory: works of a longer log are gathered in several shards, each from all of it."""
CHUNK_WORKS = 4096
CHUNK_LEADS = 100
"""What leads to the bundles of one transaction: about 100 KB each in a large view, 2 MB at most."""

Note = Callable[[int], None]
"""Is told now and then how many records were read; may raise to end it."""


def shard_of(work_key: str, shards: int) -> int:
    """Return the number of the shard that a work belongs to."""
    return crc32(work_key.encode()) % shards


def shard_count(events: int) -> int:
    """Return in how many shards a log has to be gathered, for the memory's sake."""
    return max(1, -(-events // EVENTS_PER_SHARD))


class ShardFold:
    """One shard of a partition: the newest statements of its works.

    Args:
        lease: the partition, where the view begins.
        catalogue: the view's catalogue.
        generation: generation of the log.
        shard: the works of this remainder only, of so many.
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

        # How many records a new view may park is decided when all are counted.
        self.decoder = Decoder(
            catalogue, UNLIMITED, generation, is_foreign=is_foreign if shards > 1 else None
        )
        self.flush = Flush(lease, 0, 0, frozenset())
        self.read = 0
        self._catalogue = catalogue
        self._documents = WorkDocuments(catalogue)
        self._newest: dict[str, dict[str, Statement]] = {}

    def apply(self, records: Sequence[Record]) -> None:
        """Keep the newest statement of each submission of a batch; writes nothing."""
        if not records:
            return
        newest = self._newest
        for event, statement in self.decoder.decode(records, self.flush):
            said = newest.get(event.work_key)
            if said is None:
                newest[event.work_key] = {event.submission_id: statement}
                continue
            known = said.get(event.submission_id)
            if known is None or known.version < statement.version:
                said[event.submission_id] = statement
        self.flush.skipped.clear()  # a log may name any number of types
        self.read += len(records)
        self.flush.next_offset = records[-1].offset + 1
        self.flush.last_hash = event_hash(records[-1])

    def works(self) -> Iterator[tuple[str, Work]]:
        """Return every work with what it contributes, in order of key."""
        for key in sorted(self._newest):
            said = self._newest[key]
            yield key, Work(said, contribution(said.values(), self._catalogue))

    @property
    def parked(self) -> int:
        """Records that cannot be folded and wait for a newer version."""
        return len(self.flush.parked) - len(self.flush.mended)

    def document(self, work: Work) -> dict[str, Any]:
        """Return the stored fields of a work."""
        return self._documents.fields(work)


@dataclass(frozen=True, slots=True)
class ShardTotals:
    """What a shard of a partition adds up to; its works have gone ahead in bundles.

    Args:
        contributed: what all works of the shard add up to.
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
"""Bundles of one transaction and what leads to them, by name; at last what the shard adds up to."""


def gather(fold: ShardFold) -> Iterator[Part]:
    """Bind the works of a shard that was read to its end, and add up what they contribute."""
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
