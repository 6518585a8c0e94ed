"""Stores the bulk load of one partition of a view that has no readers yet, fenced and resumable.

The documents of a partition are a function of the log up to a position, and are written in a fixed
order, chunk by chunk. Each chunk is committed in one transaction together with the number of
documents so far, fenced by the loader's epoch: a load that was killed resumes after its last chunk,
whatever the size of the next one, and a former loader that wakes up cannot write.
"""

from __future__ import annotations

from typing import Any

from pymongo.client_session import ClientSession

from services.kernel.errors import OwnershipLost
from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE
from services.kpi.store.transactions import transaction
from services.kpi.store.writes import (
    Flush,
    PartitionLease,
    bundle_writes,
    parked_writes,
    row_writes,
)

Document = dict[str, Any]


class BulkLoad:
    """Writes of one bulk loader, which has claimed its partitions from the ledger.

    Args:
        mongo: connection to the database.
        session: session of the ledger; None for one session per transaction. The next owner of a
            partition ends it, and with it any transaction that a killed loader left open.
    """

    def __init__(self, mongo: Mongo, session: ClientSession | None = None) -> None:
        self._mongo = mongo
        self._session = session
        self._database = mongo.database(DATABASE)
        self._progress = self._database["progress"]

    def begin(self, lease: PartitionLease, end: int, shards: int) -> tuple[int, int, int]:
        """Begin a bulk load, or resume an interrupted one.

        An interrupted load keeps the end offset and the number of shards with which it was begun;
        the arguments are then ignored.

        Args:
            lease: lease of the partition.
            end: offset before which to stop reading.
            shards: number of shards.

        Returns:
            End offset, number of shards, and number of documents stored so far.

        Raises:
            OwnershipLost: another loader has taken over.
            RuntimeError: an older release, which counted no documents, began the load.
        """
        key = {"_id": _key(lease), "epoch": lease.epoch}
        found = self._progress.find_one(key)
        if found is None:
            raise OwnershipLost(f"epoch {lease.epoch} of {lease.view_id} is over")
        if "end" not in found:
            self._progress.update_one(key, {"$set": {"end": end, "shares": shards}})
        elif "shares" not in found or found.get("chunks"):
            text = f"{key['_id']} was begun by a former release: publish the catalogue again"
            raise RuntimeError(text)
        return found.get("end", end), found.get("shares", shards), found.get("written", 0)

    def put(self, lease: PartitionLease, written: int, chunk: Flush) -> None:
        """Store the rows, bundles and parked records of a chunk atomically.

        The number of documents stored so far is raised in the same transaction.

        Args:
            lease: lease of the partition.
            written: number of documents stored before the chunk.
            chunk: its content.

        Raises:
            OwnershipLost: another loader has taken over.
        """
        writes = (
            ("cells", row_writes(chunk)),
            ("bundles", bundle_writes(chunk)),
            ("parked", parked_writes(chunk)),
        )

        def work(session: ClientSession) -> None:
            now = written + sum(len(inserts) for _, inserts in writes)
            self._change(lease, {"written": written}, {"written": now}, session)
            for collection, inserts in writes:
                if inserts:
                    self._database[collection].bulk_write(inserts, ordered=False, session=session)

        transaction(self._mongo, work, self._session)

    def finish(self, lease: PartitionLease, written: int, position: Document) -> None:
        """Complete the bulk load by setting the partition's checkpoint.

        Args:
            lease: lease of the partition.
            written: number of all documents.
            position: fields of the checkpoint, including `next_offset`.

        Raises:
            OwnershipLost: another loader has taken over.
        """

        def work(session: ClientSession) -> None:
            self._change(lease, {"written": written}, {**position, "written": 0}, session)

        transaction(self._mongo, work, self._session)

    def note_read(self, lease: PartitionLease, records: int) -> None:
        """Store how many records have been read, for progress displays."""
        expected = {"_id": _key(lease), "epoch": lease.epoch}
        self._progress.update_one(expected, {"$set": {"read": records}})

    def _change(
        self, lease: PartitionLease, expected: Document, change: Document, session: ClientSession
    ) -> None:
        query = {"_id": _key(lease), "epoch": lease.epoch, "next_offset": lease.next_offset}
        if expected["written"]:
            query |= expected
        result = self._progress.update_one(query, {"$set": change}, session=session)
        if result.matched_count != 1:
            raise OwnershipLost(f"epoch {lease.epoch} of {lease.view_id} is over")


def _key(lease: PartitionLease) -> str:
    return f"{lease.view_id}|{lease.partition}"
