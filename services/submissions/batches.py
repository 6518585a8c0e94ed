"""Writes many submissions in one transaction, with one document for all their events (ADR 0039).

A single change keeps its events in the submission's document, and removing them there updates all
its index entries. The document with the events of a batch is simply deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import uuid_utils
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure

from services.kernel.errors import Exhausted
from services.kernel.mongo import DOWN
from services.submissions.documents import Write, encode_new, encode_next, encode_outbox

OUTBOX = "outbox"
# SecantusDB's cost of `$in` grows with the square of its length.
IDS_PER_QUERY = 50
EVENT_BYTES_MAX = 4 * 1024 * 1024
"""Maximum size of the events of one batch: a quarter of the limit of a MongoDB document."""
WAITING_MAX = 200_000
"""Maximum number of submissions with unpublished events; above it, batches are refused."""
REFUSED = {11000, 112}
"""Error codes of a refused write: a name is in use (DuplicateKey), or another write came first."""
TRANSIENT = "TransientTransactionError"


class Batches:
    """Writes submissions of one institution in batches, and keeps their events. Thread-safe.

    Args:
        database: database of the institution.
    """

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database
        self._documents = database["submissions"]
        self._outbox = database[OUTBOX]
        self._waiting = 0

    def write(self, writes: Sequence[Write]) -> set[str]:
        """Write new submissions and next versions; return the ids of those that were not written.

        A write is refused if the request id or source record is in use, another version was written
        first, or the document of the submission has unpublished events. A batch with refused writes
        is halved until these are alone, so all others are written.

        Raises:
            Exhausted: the broker has been down for too long; repeat later.
        """
        if self._waiting > WAITING_MAX:
            raise Exhausted("too many changes wait for the broker; repeat later")
        if not writes or (_fits(writes) and self._try(writes)):
            return set()
        if len(writes) == 1:
            return {writes[0].after.submission_id}
        middle = len(writes) // 2
        return self.write(writes[:middle]) | self.write(writes[middle:])

    def pending(self, limit: int) -> list[dict[str, Any]]:
        """Return at most ``limit`` documents of unpublished events, the oldest first.

        Each has the events of one batch; the list is empty if all are published.
        """
        return list(self._outbox.find({}).sort("_id", 1).limit(limit))

    def count_pending(self) -> int:
        """Count the submissions whose events are in the documents of batches; return the number.

        `write` refuses batches while the last number counted is too high.
        """
        found = self._outbox.find({}, {"submissions": 1})
        self._waiting = sum(batch["submissions"] for batch in found)
        return self._waiting

    def clear(self, ids: Sequence[str]) -> None:
        """Delete the documents with these ids, after their events were published.

        Ids of documents that no longer exist are ignored.
        """
        if ids:
            self._outbox.delete_many({"_id": {"$in": list(ids)}})

    def _try(self, writes: Sequence[Write]) -> bool:
        """Write a batch in one transaction; return False if it is refused as a whole."""
        try:
            with self._transaction() as session:
                self._take_away([w for w in writes if w.before is not None], session)
                documents = [encode_next(w) if w.before else encode_new(w, ()) for w in writes]
                self._documents.insert_many(documents, ordered=False, session=session)
                if any(write.events for write in writes):
                    self._outbox.insert_one(_box(writes), session=session)
        except _Outrun:
            return False
        except BulkWriteError as error:
            if any(mistake["code"] not in REFUSED for mistake in error.details["writeErrors"]):
                raise
            return False
        except OperationFailure as error:
            # Another transaction changes one of them now.
            if isinstance(error, DOWN) or not error.has_error_label(TRANSIENT):
                raise
            return False
        return True

    @contextmanager
    def _transaction(self) -> Iterator[ClientSession]:
        with self._database.client.start_session() as session, session.start_transaction():
            yield session

    def _take_away(self, writes: Sequence[Write], session: ClientSession) -> None:
        """Delete the former versions, which are inserted again in their next version.

        In SecantusDB an update costs twice as much as a deletion and an insertion.

        Raises:
            _Outrun: the stored version of a submission is not the one that was read.
        """
        for version, group in groupby(sorted(writes, key=_version), key=_version):
            for ids in chunks([write.after.submission_id for write in group]):
                guard = {"_id": {"$in": ids}, "version": version}
                if self._documents.delete_many(guard, session=session).deleted_count != len(ids):
                    raise _Outrun


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the values in order, in groups of at most `IDS_PER_QUERY`; none without values."""
    for start in range(0, len(values), IDS_PER_QUERY):
        yield values[start : start + IDS_PER_QUERY]


class _Outrun(Exception):
    """Raised to abort a transaction because another write came first."""


def _fits(writes: Sequence[Write]) -> bool:
    # Unpublished events in the document of a former version would be deleted with it. The relay
    # publishes them soon, so refusing the write until then is enough.
    if any(write.before is not None and write.before.pending for write in writes):
        return False
    return sum(len(e.value) for write in writes for e in write.events) <= EVENT_BYTES_MAX


def _box(writes: Sequence[Write]) -> dict[str, Any]:
    """Return the document with the events of a batch, in the form of a submission's outbox."""
    return {
        # Ids sort by time, so the events of a submission stay in the order of its versions.
        "_id": str(uuid_utils.uuid7()),
        "institution_id": writes[0].after.institution_id,
        "submissions": sum(1 for write in writes if write.events),
        "outbox": encode_outbox([event for write in writes for event in write.events]),
    }


def _version(write: Write) -> int:
    assert write.before is not None
    return write.before.submission.version
