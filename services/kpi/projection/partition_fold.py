"""Folds batches of one partition into a stored view: decode, fold, roll up, flush.

While the lease is held no other process can commit, so works and rows are cached between batches;
any error drops the cache. In a backlog the cache is one flush ahead of the database, because a
flush is written while the next batch is folded (ADR 0019).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from kieng.submissions.v1 import events_pb2
from services.kernel.kafka import Record
from services.kernel.publisher import Event
from services.kpi import metrics
from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.disagreement import new_contradictions
from services.kpi.domain.fold import CellKey, RowKey, fold, restored, roll_up
from services.kpi.domain.parking import Limits, ParkedRef
from services.kpi.domain.seen_works import SeenWorks
from services.kpi.domain.work import Key, Statement, Work
from services.kpi.log.identity import event_hash
from services.kpi.projection.decoder import Decoder
from services.kpi.projection.flush_size import FlushSize
from services.kpi.projection.write_behind import WriteBehind
from services.kpi.store.ledger import Flush, PartitionLease
from services.kpi.store.rows import PackedRow
from services.kpi.store.work_documents import WorkDocuments
from services.kpi.wire import events
from services.kpi.wire.contradictions import contradicted_event

# About 3.5 KB each. A larger cache would only help with amendments of long untouched works.
WORKS_IN_MEMORY_MAX = 10_000
BACKLOG_RECORDS = 500
"""Batch size that suggests a backlog; a smaller batch is stored before the next is fetched."""
LIMITS = Limits()


class ProjectionStore(Protocol):
    """What the fold needs of the store of a view; implemented by `store.ledger.Ledger`."""

    def works(self, lease: PartitionLease, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Return work key -> encoded newest events of its submissions, without unknown works."""

    def rows(self, lease: PartitionLease, keys: Sequence[RowKey]) -> dict[RowKey, PackedRow]:
        """Return (unit id, month) -> row; unknown rows are left out."""

    def parked_refs(self, lease: PartitionLease) -> list[ParkedRef]:
        """Return the partition's parked records that are open, or among its last 10,000 records."""

    def commit(self, flush: Flush) -> None:
        """Store a flush atomically: all of its changes or none.

        After an error of the database either may be the case. Another thread may call this than the
        other methods.
        """


class PartitionFold:
    """Folds one partition of one view, whose lease this process holds. Used by one thread.

    Args:
        lease: the partition with its epoch and checkpoint.
        catalogue: the view's catalogue.
        ledger: store of the view.
        limits: maximum numbers of parked records, beyond which the fold stops.
        generation: generation of the log; `LogRepublished` events of earlier ones are ignored.
        behind: writes flushes in the background during a backlog; None to store each flush before
            `apply` returns.
        report: called with every stored flush, possibly on another thread.
        size: current maximum number of records per flush, shared by all partitions of the process.
        publish: publishes the events of a flush before it is committed, on the same thread. After a
            crash in between they are published again with the same ids, so none is lost. None to
            not look for any, as in a rebuild or a replay.
    """

    def __init__(
        self,
        lease: PartitionLease,
        catalogue: Catalogue,
        ledger: ProjectionStore,
        limits: Limits = LIMITS,
        generation: int = 0,
        behind: WriteBehind | None = None,
        report: Callable[[Flush], None] = lambda flush: None,
        size: FlushSize | None = None,
        publish: Callable[[Sequence[Event]], None] | None = None,
    ) -> None:
        self.lease = lease
        self.stored_offset = lease.next_offset
        """Offset of the first record not stored yet; less than the lease's while a write runs."""
        self.catalogue = catalogue
        self._ledger = ledger
        self._behind = behind
        self._report = report
        self._publish = publish
        self._size = size or FlushSize()
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._rows: dict[RowKey, PackedRow] = {}
        # An owner that began with an empty view knows all stored keys, so it need not query others.
        self._seen = None if lease.next_offset else SeenWorks()
        self._documents = WorkDocuments(catalogue)
        parked_refs = ledger.parked_refs(lease) if lease.next_offset else ()
        self._decoder = Decoder(catalogue, limits, generation, parked_refs)

    def apply(self, records: Sequence[Record]) -> None:
        """Fold and store a batch, in one flush or, if the database is slow, in several.

        Records before the checkpoint were folded already and are skipped. In a backlog with
        ``behind``, the last flush may still be being written when this returns. After any error
        discard this object and claim the partition again; earlier flushes remain stored.

        Args:
            records: records of the partition, in order.

        Raises:
            OwnershipLost: another process owns the partition; raised now, or for a batch that was
                written in the background.
            RuntimeError: too many records cannot be folded; see `Limits`.
        """
        left = [r for r in records if r.offset >= self.lease.next_offset]
        while left:
            size = self._size.records
            self._apply(left[:size])
            left = left[size:]

    def _apply(self, records: Sequence[Record]) -> None:
        try:
            flush = self._folded(records)
        finally:
            if self._behind:
                self._behind.flush_pending()  # raises the first error
        if self._behind and len(records) >= BACKLOG_RECORDS:
            self._behind.begin(self._commit, flush, len(records))
            self._forget(len(records))
        else:
            self._commit(flush, len(records))
            self._forget(0)

    def _forget(self, unstored: int) -> None:
        """Evict the least recently used works from the cache.

        Args:
            unstored: number of most recent works to keep, because they may not be stored yet.
        """
        while len(self._works) > max(WORKS_IN_MEMORY_MAX, unstored):
            self._works.popitem(last=False)

    def _commit(self, flush: Flush, records: int) -> None:
        if self._publish and flush.events:
            self._publish(flush.events)
        with metrics.FLUSH_SECONDS.time(), self._size.measured(records):
            self._ledger.commit(flush)
        self.stored_offset = flush.next_offset
        metrics.RECORDS_FOLDED.inc(records)
        self._report(flush)

    def _folded(self, records: Sequence[Record]) -> Flush:
        """Fold a batch in the cache, and return the flush that stores the changes."""
        flush = Flush(
            self.lease, records[-1].offset + 1, self.lease.newest_event_ms, self.lease.republished
        )
        flush.last_hash = event_hash(records[-1])
        changed = self._decoder.decode(records, flush)
        # In log order, so that the order of eviction does not depend on string hashes.
        self._load_works(dict.fromkeys(event.work_key for event, _ in changed), flush)
        touched: dict[str, Work] = {}
        deltas: dict[Key, int] = {}
        for event, statement in changed:
            old = self._works[event.work_key]
            self._fold_one(event, statement, touched, deltas)
            if self._publish:
                flush.events += self._contradicted(event.work_key, old)
        self._change_rows(roll_up(deltas, self.catalogue), flush)
        flush.works = {key: self._documents.fields(work) for key, work in touched.items()}
        self.lease = flush.done()
        return flush

    def _load_works(self, keys: Collection[str], flush: Flush) -> None:
        seen = self._seen
        missing = [key for key in keys if key not in self._works]
        asked = missing if seen is None else [key for key in missing if key in seen]
        stored = self._ledger.works(self.lease, asked) if asked else {}
        for key in missing:
            if key in stored:
                self._works[key] = self._restored(stored[key])
            else:
                flush.new_works.add(key)
                self._works[key] = Work()
            if seen is not None:
                seen.add(key)
        for key in keys:
            self._works.move_to_end(key)

    def _restored(self, sources: Sequence[bytes]) -> Work:
        statements = {}
        for source in sources:
            event = events.decode_changed(source)
            statements[events.name_of(event)] = events.decode_statement(
                event, self.catalogue, source
            )
        return restored(statements, self.catalogue)

    def _fold_one(
        self,
        event: events_pb2.SubmissionChanged,
        statement: Statement,
        touched: dict[str, Work],
        deltas: dict[Key, int],
    ) -> None:
        old = self._works[event.work_key]
        new, changes = fold(old, events.name_of(event), statement, self.catalogue)
        if new is old:
            return
        self._works[event.work_key] = touched[event.work_key] = new
        for key, change in changes.items():
            deltas[key] = deltas.get(key, 0) + change

    def _contradicted(self, work_key: str, old: Work) -> list[Event]:
        """Return an event for each contradiction that arose from the change of a work."""
        new = self._works[work_key]
        found = () if new is old else new_contradictions(old, new, self.catalogue.tree)
        return [contradicted_event(work_key, new, each) for each in found]

    def _change_rows(self, changes: dict[RowKey, dict[CellKey, int]], flush: Flush) -> None:
        missing = [place for place in changes if place not in self._rows]
        stored = self._ledger.rows(self.lease, missing) if self._seen is None else {}
        for place in missing:
            if place not in stored:
                flush.new_rows.add(place)
            self._rows[place] = stored.get(place) or PackedRow()
        for place, steps in changes.items():
            # A new row rather than a modified one, because a background write may use the old one.
            row, flush.changed[place] = self._rows[place].changed(steps)
            flush.rows[place] = self._rows[place] = row
