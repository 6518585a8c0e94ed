"""Mistakes in how a flush is written, and in what an owner of a partition keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from pymongo.errors import AutoReconnect

from services.kernel.errors import OwnershipLost
from services.kpi.domain.parking import Parking
from services.kpi.projection import decoder, ownership
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.rebuild import worker
from services.kpi.store import writes
from services.kpi.store.ledger import Flush, Ledger, PartitionLease
from services.kpi.store.rows import PackedRow


class NoFence(Ledger):
    """Commits whatever the epoch and the offset are."""

    def commit(self, flush: Flush) -> None:
        found = self._progress.find_one({"_id": f"{flush.lease.view_id}|{flush.lease.partition}"})
        assert found is not None
        lease = replace(flush.lease, epoch=found["epoch"], next_offset=found["next_offset"])
        super().commit(Flush(**{**_fields(flush), "lease": lease}))


class EpochNotRaised(Ledger):
    """Takes a partition over without a new epoch, and the offset is no fence of its own."""

    def claim(self, *given: Any, **named: Any) -> PartitionLease:
        lease = super().claim(*given, **named)
        return replace(lease, epoch=1)

    def commit(self, flush: Flush) -> None:
        found = self._progress.find_one({"_id": f"{flush.lease.view_id}|{flush.lease.partition}"})
        assert found is not None
        lease = replace(flush.lease, epoch=found["epoch"])
        if found["next_offset"] > flush.next_offset:
            raise OwnershipLost("offset only")
        lease = replace(lease, next_offset=found["next_offset"])
        super().commit(Flush(**{**_fields(flush), "lease": lease}))


class TornFlush(Ledger):
    """Writes cells and works first, and the position in a transaction of its own."""

    def commit(self, flush: Flush) -> None:
        rows, works = writes.row_writes(flush), writes.work_writes(flush)
        if rows:
            self._rows.bulk_write(rows, ordered=False)
        if works:
            self._works.bulk_write(works, ordered=False)
        super().commit(Flush(**{**_fields(flush), "rows": {}, "works": {}}))


class PositionFirst(Ledger):
    """Moves the position first, and writes cells and works afterwards."""

    def commit(self, flush: Flush) -> None:
        super().commit(Flush(**{**_fields(flush), "rows": {}, "works": {}}))
        rows, works = writes.row_writes(flush), writes.work_writes(flush)
        if rows:
            self._rows.bulk_write(rows, ordered=False)
        if works:
            self._works.bulk_write(works, ordered=False)


class WorksNotStored(Ledger):
    """Forgets what was said about works when the process ends."""

    def commit(self, flush: Flush) -> None:
        super().commit(Flush(**{**_fields(flush), "works": {}}))


class OffByOne(Ledger):
    """Stores a position one too far."""

    def commit(self, flush: Flush) -> None:
        skipped = flush.next_offset + 1
        super().commit(Flush(**{**_fields(flush), "next_offset": skipped}))


def _fields(flush: Flush) -> dict[str, Any]:
    return {name: getattr(flush, name) for name in Flush.__slots__}


class KeepsCaches(PartitionFold):
    """Shares works and rows with every later owner, as a cache by partition would."""

    shared: ClassVar[dict[tuple[int, str, int], tuple[Any, Any]]] = {}

    def __init__(self, lease: PartitionLease, catalogue: Any, stored: Any, *more: Any) -> None:
        super().__init__(lease, catalogue, stored, *more)
        key = (id(stored._mongo), lease.view_id, lease.partition)
        self._works, self._rows = self.shared.setdefault(key, (self._works, self._rows))


class ReadFailed(AutoReconnect):
    """A read of the fold's failed, and no write."""


class NamesFailedReads(Ledger):
    """Tells failed reads from failed commits."""

    def works(self, lease: PartitionLease, keys: Any) -> Any:
        with _named():
            return super().works(lease, keys)

    def rows(self, lease: PartitionLease, keys: Any) -> Any:
        with _named():
            return super().rows(lease, keys)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except AutoReconnect as error:
        raise ReadFailed from error


_REAL_APPLY = PartitionFold.apply


def _tries_the_batch_again(self: PartitionFold, records: Any) -> None:
    for _ in range(10):
        try:
            return _REAL_APPLY(self, records)
        except ReadFailed:
            continue


class ForgetsTooEarly(PartitionFold):
    """Drops works of a part from memory that is not written yet, so that the next reads older."""

    def _folded(self, records: Any) -> Flush:
        flush = super()._folded(records)
        self._works.clear()
        return flush


_REAL_CHANGED = PackedRow.changed


def _changes_itself(self: PackedRow, steps: Any) -> Any:
    row, values = _REAL_CHANGED(self, steps)
    self.counts, self.packed = row.counts, row.packed
    return self, values


class MendsNothing(Parking):
    """Never takes a parked record off the list."""

    def mended(self, submission_id: str, work_key: str, version: int) -> list[int]:
        return []


class MendsBlindly(Parking):
    """Takes a record off the list whatever the version is that follows."""

    def mended(self, submission_id: str, work_key: str, version: int) -> list[int]:
        return super().mended(submission_id, work_key, 1 << 62)


def _ledger(broken: type[Ledger]) -> tuple[tuple[Any, str, Any], ...]:
    return ((ownership, "Ledger", broken), (worker, "Ledger", broken))


MUTANTS = {
    "no fence at all": _ledger(NoFence),
    "the stored offset is the only fence": _ledger(EpochNotRaised),
    "cells and works are flushed before the position": _ledger(TornFlush),
    "the position is flushed before cells and works": _ledger(PositionFirst),
    "works are not stored": _ledger(WorksNotStored),
    "the stored offset is off by one": _ledger(OffByOne),
    "caches survive the loss of a partition": ((ownership, "PartitionFold", KeepsCaches),),
    "a fold is used again after a failed read": (
        *_ledger(NamesFailedReads),
        (PartitionFold, "apply", _tries_the_batch_again),
    ),
    "works that are being written are forgotten": ((ownership, "PartitionFold", ForgetsTooEarly),),
    "rows change while they are being written": ((PackedRow, "changed", _changes_itself),),
    "parked records are never mended": ((decoder, "Parking", MendsNothing),),
    "any version mends a parked record": ((decoder, "Parking", MendsBlindly),),
}
