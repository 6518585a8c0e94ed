"""Stores a bulk load of one partition of a view without readers, fenced and resumable.

The documents of a partition are a function of the log up to a position, and are written in a
fixed order, chunk by chunk. Each chunk and the count of chunks are committed in one transaction,
fenced by the loader's epoch: a killed load resumes after its last chunk, and a former loader that
wakes up cannot write.
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
        mongo: connection.
        session: session of the ledger: the next owner ends it, and with it a transaction that a
            killed loader left open.
    """

    def __init__(self, mongo: Mongo, session: ClientSession | None = None) -> None:
        self._mongo = mongo
        self._session = session
        self._database = mongo.database(DATABASE)
        self._progress = self._database["progress"]

    def begin(self, lease: PartitionLease, end: int, shards: int) -> tuple[int, int, int]:
        """Begin or resume a bulk load up to an offset, in a number of shards.

        Return end, number of shards and number of stored chunks; of a new load 0 chunks.

        Raises:
            OwnershipLost: another loader continues the load.
            RuntimeError: a release without bundles of works began the load.
        """
        key = {"_id": _key(lease), "epoch": lease.epoch}
        found = self._progress.find_one(key)
        if found is None:
            raise OwnershipLost(f"epoch {lease.epoch} of {lease.view_id} is over")
        if "end" not in found:
            self._progress.update_one(key, {"$set": {"end": end, "shares": shards}})
        elif "shares" not in found:
            text = f"{key['_id']} was begun by a former release: publish the catalogue again"
            raise RuntimeError(text)
        return found.get("end", end), found.get("shares", shards), found.get("chunks", 0)

    def put(self, lease: PartitionLease, number: int, chunk: Flush) -> None:
        """Write the rows, bundles and parked records of a chunk atomically.

        Raises:
            OwnershipLost: another loader continues the load.
        """
        writes = (
            ("cells", row_writes(chunk)),
            ("bundles", bundle_writes(chunk)),
            ("parked", parked_writes(chunk)),
        )

        def work(session: ClientSession) -> None:
            self._change(lease, {"chunks": number}, {"chunks": number + 1}, session)
            for collection, inserts in writes:
                if inserts:
                    self._database[collection].bulk_write(inserts, ordered=False, session=session)

        transaction(self._mongo, work, self._session)

    def finish(self, lease: PartitionLease, chunks: int, position: Document) -> None:
        """Complete the bulk load: set the partition's checkpoint.

        Args:
            lease: the partition as it was claimed.
            chunks: number of all chunks.
            position: fields of the progress, with `next_offset`.

        Raises:
            OwnershipLost: another loader continues the load.
        """

        def work(session: ClientSession) -> None:
            done = {**position, "chunks": 0}
            self._change(lease, {"chunks": chunks} if chunks else {}, done, session)

        transaction(self._mongo, work, self._session)

    def note_read(self, lease: PartitionLease, records: int) -> None:
        """Store how many records the load has read, for progress displays."""
        expected = {"_id": _key(lease), "epoch": lease.epoch}
        self._progress.update_one(expected, {"$set": {"read": records}})

    def _change(
        self, lease: PartitionLease, expected: Document, change: Document, session: ClientSession
    ) -> None:
        query = {"_id": _key(lease), "epoch": lease.epoch, "next_offset": lease.next_offset}
        if expected.get("chunks"):
            query |= expected
        result = self._progress.update_one(query, {"$set": change}, session=session)
        if result.matched_count != 1:
            raise OwnershipLost(f"epoch {lease.epoch} of {lease.view_id} is over")


def _key(lease: PartitionLease) -> str:
    return f"{lease.view_id}|{lease.partition}"
