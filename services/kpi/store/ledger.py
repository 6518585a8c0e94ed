"""Stores flushes: each writes checkpoint, rows and works of a partition in one fenced transaction.

A flush commits only if epoch and offset are still those of its owner, so a former owner that is
still running can never write (ADR 0002): the epoch is the fencing token. A restart begins at the
checkpoint. Each flush also writes a change log entry for readers that follow (ADR 0008).
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from bson import Binary
from pymongo.client_session import ClientSession

from services.kernel.errors import OwnershipLost
from services.kernel.mongo import Mongo
from services.kpi.domain.authority import full_name
from services.kpi.domain.fold import RowKey
from services.kpi.domain.parking import WINDOW_RECORDS, ParkedRef
from services.kpi.store.change_notes import Notes
from services.kpi.store.documents import DATABASE, OVER
from services.kpi.store.rows import PackedRow
from services.kpi.store.transactions import transaction
from services.kpi.store.works import StoredWorks, chunks
from services.kpi.store.writes import (
    Flush,
    PartitionLease,
    parked_writes,
    row_id,
    row_writes,
    work_writes,
)

__all__ = ["Flush", "Ledger", "PartitionLease"]


class Ledger:
    """The database side of the projection: leases and flushes of partitions. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._session = mongo.client.start_session()
        self._in_session = Lock()
        database = mongo.database(DATABASE)
        self._progress = database["progress"]
        self._views = database["views"]
        self._rows = database["cells"]
        self._works = database["works"]
        self._stored_works = StoredWorks(database)
        self._parked = database["parked"]
        self._changes = database["changes"]
        self._notes: dict[tuple[str, int], Notes] = {}

    @property
    def session(self) -> ClientSession:
        """The database session of all flushes, which the next owner of a partition ends."""
        return self._session

    def claim(
        self, view_id: str, partition: int, begin: int = 0, *, is_loader: bool = False
    ) -> PartitionLease:
        """Take the lease of a partition; return it with the partition's checkpoint.

        This raises the epoch of the partition, so that no former owner can commit. A former owner
        that was killed or frozen during a flush would lock its documents until the database aborts
        its transaction after a minute, so its session is ended first.

        Args:
            view_id: id of the view.
            partition: number of the partition.
            begin: first offset, if the view has no checkpoint in the partition yet.
            is_loader: whether the caller resumes bulk loads.

        Raises:
            OwnershipLost: a bulk load of the partition is incomplete, and the caller does not
                resume it; or the view is neither live nor being built. A process that slept may
                know it from before, and would write into what is being removed.
        """
        key = f"{view_id}|{partition}"
        me = self._session.session_id["id"]
        former = (self._progress.find_one({"_id": key}) or {}).get("session")
        if former is not None and Binary.from_uuid(former) != me:
            ended = [{"id": Binary.from_uuid(former)}]
            self._mongo.client.admin.command({"killSessions": ended})
        fresh = {"v": view_id, "p": partition, "next_offset": begin, "newest_event_ms": 0}

        def work(session: ClientSession) -> dict[str, Any]:
            view = self._views.find_one({"_id": view_id}, session=session) or {}
            if view.get("state") in OVER:
                raise OwnershipLost(f"{view_id} is {view['state']}")
            change = {
                "$inc": {"epoch": 1},
                "$set": {"session": me},
                "$setOnInsert": {**fresh, "parked": 0, "republished": []},
            }
            met = self._progress.update_one({"_id": key}, change, upsert=True, session=session)
            if not met.matched_count:
                # A concurrent swap raises only the epochs that it sees; writing the document of
                # the view makes both transactions conflict.
                self._views.update_one({"_id": view_id}, {"$inc": {"begun": 1}}, session=session)
            found = self._progress.find_one({"_id": key}, session=session)
            assert found is not None
            if (found.get("written") or found.get("chunks")) and not is_loader:
                # Its documents are ahead of its checkpoint, so it cannot be folded.
                raise OwnershipLost(f"{key} is being loaded")
            return found

        with self._in_session:
            found = transaction(self._mongo, work, self._session)
        self._notes[view_id, partition] = Notes(found["next_offset"])
        return PartitionLease(
            view_id,
            partition,
            found["epoch"],
            found["next_offset"],
            found["newest_event_ms"],
            found["parked"],
            frozenset(found["republished"]),
            found.get("last_hash", ""),
            found.get("runs", 0),
        )

    def parked_refs(self, lease: PartitionLease) -> list[ParkedRef]:
        """Return the partition's parked records that are open, or among its last 10,000 records."""
        whole = {"v": lease.view_id, "p": lease.partition}
        recent = {**whole, "o": {"$gte": lease.next_offset - WINDOW_RECORDS}}
        wanted = [recent, {**whole, "open": True}] if lease.parked else [recent]
        fields = {"o": 1, "i": 1, "s": 1, "k": 1, "n": 1, "open": 1}
        found = (document for query in wanted for document in self._parked.find(query, fields))
        parked_refs = {
            d["o"]: ParkedRef(d["o"], full_name(d["i"], d["s"]), d["k"], d["n"], d["open"])
            for d in found
        }
        return list(parked_refs.values())

    def works(self, lease: PartitionLease, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Return work key -> encoded newest events of its submissions, without unknown works."""
        return self._stored_works.find(lease.view_id, lease.partition, lease.runs, keys)

    def rows(self, lease: PartitionLease, keys: Sequence[RowKey]) -> dict[RowKey, PackedRow]:
        """Return (unit id, month) -> row; unknown rows are left out."""
        ids = [row_id(lease, unit_id, month) for unit_id, month in keys]
        found = {}
        for chunk in chunks(ids):
            for document in self._rows.find({"_id": {"$in": chunk}}):
                found[document["u"], document["m"]] = PackedRow.stored(document)
        return found

    def commit(self, flush: Flush) -> None:
        """Store a flush in one transaction, if the partition still has the epoch of its lease.

        Raises:
            OwnershipLost: another process owns the partition; nothing was written.
            pymongo.errors.PyMongoError: the database failed, and the flush may or may not be
                stored; claim the partition again to find out.
        """
        lease, done = flush.lease, flush.done()
        notes = self._notes[lease.view_id, lease.partition]
        note = notes.next(flush)
        writes = (
            (self._rows, row_writes(flush)),
            (self._works, work_writes(flush)),
            (self._changes, [note]),
            (self._parked, parked_writes(flush)),
        )

        def work(session: ClientSession) -> None:
            result = self._progress.update_one(
                {
                    "_id": f"{lease.view_id}|{lease.partition}",
                    "epoch": lease.epoch,
                    "next_offset": lease.next_offset,
                },
                {
                    "$set": {
                        "next_offset": done.next_offset,
                        "newest_event_ms": done.newest_event_ms,
                        "republished": sorted(done.republished),
                        "parked": done.parked,
                        "last_hash": done.last_hash,
                        "kept_from": notes.kept_from,
                    }
                },
                session=session,
            )
            if result.matched_count != 1:
                raise OwnershipLost(f"epoch {lease.epoch} of {lease.view_id} is over")
            for collection, operations in writes:
                if operations:
                    collection.bulk_write(operations, ordered=False, session=session)

        with self._in_session:
            transaction(self._mongo, work, self._session)
