"""Computes a partition of a view from the log at once, instead of event by event.

A view is a pure function of the log, so only what counts in the end is kept while reading: the
newest statement of each submission. What a work contributes is computed once, when everything is
read. Decoding and setting aside are the fold's own, so that both end with the same digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol, cast
from zlib import crc32

from services.kernel.kafka import Record
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.claims import Key, Statement, Work
from services.kpi.domain.contribution import contribution
from services.kpi.domain.fold import Place, roll_up
from services.kpi.domain.image import Row
from services.kpi.domain.parking import Limits
from services.kpi.folding import PartitionFold, StoredView
from services.kpi.log_identity import event_hash
from services.kpi.store.binding import Binder
from services.kpi.store.loading import Document
from services.kpi.store.writes import Flush, Owned

CHUNK_DOCUMENTS = 500
"""Rows or parked records of one transaction."""
CHUNK_WORKS = 4096
CHUNK_LEADS = 100
"""What leads to the bundles of one transaction: about 100 KB each in a large view, 2 MB at most."""
NO_LIMITS = Limits(in_a_row=1 << 62, per_window=1 << 62)
"""How many records a new view may set aside is decided when all are counted."""
EVENTS_PER_PASS = 500_000
"""Bounds the memory: a longer log is read several times, each time for a part of the works."""

Read = Callable[[int], Iterable[Sequence[Record]]]
"""Reads a partition from its beginning up to an offset, in batches."""


class Loading(Protocol):
    """What a rebuild needs of the database; `store.loading.BulkLoad` is the real one."""

    def begin(self, owned: Owned, end: int) -> tuple[int, int]:
        """Say up to where the log is loaded; return that of an interrupted load, and its chunks."""

    def put(self, owned: Owned, number: int, chunk: Flush) -> None:
        """Write a chunk, all of it or nothing."""

    def finish(self, owned: Owned, chunks: int, standing: Document) -> None:
        """Say that everything is loaded."""

    def note_read(self, owned: Owned, records: int) -> None:
        """Tell how many records were read."""


class Gathering(PartitionFold):
    """Reads a partition in memory: the newest statements of its works, and at last its cells.

    Args:
        owned: the partition, at offset 0.
        catalogue: the view's catalogue.
        generation: generation of the log.
        share: gather the works of this remainder only, of so many.
    """

    def __init__(
        self,
        owned: Owned,
        catalogue: Catalogue,
        generation: int = 0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        # At offset 0 a fold asks its ledger for nothing, and the log may begin later.
        begin, no_ledger = replace(owned, next_offset=0), cast(StoredView, None)
        super().__init__(begin, catalogue, no_ledger, NO_LIMITS, generation)
        self.flush = Flush(owned, 0, 0, frozenset())
        self.read = 0
        self._share = share
        self._newest: dict[str, dict[str, Statement]] = {}

    def apply(self, records: Sequence[Record]) -> None:
        """Take a batch over; writes nothing."""
        if not records:
            return
        remainder, parts = self._share
        newest = self._newest
        for event, statement in self._decode(records, self.flush):
            key = event.work_key
            if parts > 1 and crc32(key.encode()) % parts != remainder:
                continue
            said = newest.get(key)
            if said is None:
                newest[key] = {event.submission_id: statement}
                continue
            known = said.get(event.submission_id)
            if known is None or known.version < statement.version:
                said[event.submission_id] = statement
        self.read += len(records)
        self.flush.next_offset = records[-1].offset + 1
        self.flush.last_hash = event_hash(records[-1])

    def works(self) -> Iterator[tuple[str, Work]]:
        """Return every work with what it contributes, in order of key."""
        for key in sorted(self._newest):
            said = self._newest[key]
            yield key, Work(said, contribution(said.values(), self.catalogue))

    @property
    def parked(self) -> int:
        """Records that cannot be folded and wait for a newer version."""
        return len(self.flush.parked) - len(self.flush.mended)

    def forget(self) -> None:
        """Let go of the works; their documents are written."""
        self._newest.clear()

    def document(self, work: Work) -> dict[str, Any]:
        """Return the stored fields of a work."""
        return self._document(work)

    def rows(self, contributed: dict[Key, int]) -> dict[Place, Row]:
        """Return the rows that contributions of works add up to."""
        self._change_rows(roll_up(contributed, self.catalogue), self.flush)
        return self.flush.rows


def rebuild(
    loading: Loading, owned: Owned, catalogue: Catalogue, read: Read, end: int, generation: int = 0
) -> None:
    """Compute and load a partition that was claimed; one that was interrupted goes on.

    Args:
        loading: where it is loaded to.
        owned: the partition, at offset 0.
        catalogue: the view's catalogue.
        read: reads the partition; called once per pass.
        end: offset to stand at; an interrupted load keeps its own.
        generation: generation of the log.

    Raises:
        OwnershipLost: another process goes on with it.
    """
    end, done = loading.begin(owned, end)
    passes, chunks = -(-end // EVENTS_PER_PASS), 0
    gatherings = [
        Gathering(owned, catalogue, generation, (remainder, passes)) for remainder in range(passes)
    ]
    for chunk in _chunks(loading, gatherings, lambda: read(end)):
        if chunks >= done:
            loading.put(owned, chunks, chunk)
        chunks += 1
    loading.finish(owned, chunks, {**_standing(gatherings[-1].flush, end), "runs": passes})


def _chunks(
    loading: Loading,
    gatherings: Sequence[Gathering],
    read: Callable[[], Iterable[Sequence[Record]]],
) -> Iterator[Flush]:
    """Return everything that is to be stored, in one fixed order; all passes decode all records."""
    contributed: dict[Key, int] = {}
    for number, gathering in enumerate(gatherings):
        owned = gathering.owned
        for records in read():
            gathering.apply(records)
            loading.note_read(owned, gathering.read // len(gatherings) + number * EVENTS_PER_PASS)
        yield from _bound(gathering, Binder(number), contributed)
        gathering.forget()
    flush = gathering.flush
    rows = iter(sorted(gathering.rows({c: v for c, v in contributed.items() if v}).items()))
    while some_rows := dict(islice(rows, CHUNK_DOCUMENTS)):
        yield _chunk(flush, rows=some_rows, new_rows=set(some_rows))
    graves, mended = iter(sorted(flush.parked.items())), set(flush.mended)
    while parked := dict(islice(graves, CHUNK_DOCUMENTS)):
        yield _chunk(flush, parked=parked, mended=sorted(mended & parked.keys()))


def _bound(gathering: Gathering, binder: Binder, contributed: dict[Key, int]) -> Iterator[Flush]:
    """Return the works of a pass and what leads to them; add up what they contribute."""
    works = gathering.works()
    while some := dict(islice(works, CHUNK_WORKS)):
        for work in some.values():
            for cell, value in work.contributed.items():
                contributed[cell] = contributed.get(cell, 0) + value
        documents = {key: gathering.document(work) for key, work in some.items()}
        yield _chunk(gathering.flush, bundles=binder.take(documents))
    leads = binder.leads()
    while bundles := dict(islice(leads, CHUNK_LEADS)):
        yield _chunk(gathering.flush, bundles=bundles)


def _chunk(flush: Flush, **content: Any) -> Flush:
    return Flush(flush.owned, flush.next_offset, 0, frozenset(), **content)


def _standing(flush: Flush, end: int) -> Document:
    """Return where the partition stands, as fields of its progress."""
    return {
        "next_offset": end,
        "newest_event_ms": flush.newest_event_ms,
        "republished": sorted(flush.republished),
        "parked": len(flush.parked) - len(flush.mended),
        "last_hash": flush.last_hash,
    }
