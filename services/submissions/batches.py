"""Many submissions written in one transaction, with one document for all their events (ADR 0039).

A change by itself keeps its events in its own document, where clearing them rewrites everything
the document is indexed by; the document of a batch is deleted, at no cost for a single one.
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
EVENT_BYTES_MAX = 4 * 1024 * 1024
"""A quarter of what one MongoDB document may hold."""
WAITING_MAX = 200_000
"""Events of so many submissions wait for the broker before batches are refused."""
REFUSED = {11000, 112}
"""Codes of a write whose name is in use (DuplicateKey), or that another one outran."""
TRANSIENT = "TransientTransactionError"


class Batches:
    """Writes of many submissions of one institution, and the events of these writes. Thread-safe.

    Args:
        database: of the institution.
    """

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._database = database
        self._documents = database["submissions"]
        self._outbox = database[OUTBOX]
        self._waiting = 0

    def write(self, writes: Sequence[Write]) -> set[str]:
        """Write new submissions and next versions; return the ids of those that were not written.

        A submission is refused when a name of it is in use, when another version of it was
        written first, or when earlier events wait in its own document. Whatever cannot be
        written together is halved until the refused ones are alone, so the others are written.

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
        """Return the oldest documents with unpublished events, in the order they were written."""
        return list(self._outbox.find({}).sort("_id", 1).limit(limit))

    def count_pending(self) -> int:
        """Return how many submissions have events here, and bound what is written by it."""
        found = self._outbox.find({}, {"submissions": 1})
        self._waiting = sum(batch["submissions"] for batch in found)
        return self._waiting

    def clear(self, ids: Sequence[str]) -> None:
        """Remove documents whose events are published."""
        if ids:
            self._outbox.delete_many({"_id": {"$in": list(ids)}})

    def _try(self, writes: Sequence[Write]) -> bool:
        """Write all or nothing; return False for nothing."""
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
        """Delete former versions. An update costs SecantusDB twice a deletion and an insertion.

        Raises:
            _Outrun: one is not as it was read.
        """
        for version, group in groupby(sorted(writes, key=_version), key=_version):
            ids = [write.after.submission_id for write in group]
            guard = {"_id": {"$in": ids}, "version": version}
            if self._documents.delete_many(guard, session=session).deleted_count != len(ids):
                raise _Outrun


class _Outrun(Exception):
    """Somebody else wrote first; ends a transaction."""


def _fits(writes: Sequence[Write]) -> bool:
    # Events of its own document would be lost with it, and are published from there soon.
    if any(write.before is not None and write.before.pending for write in writes):
        return False
    return sum(len(e.value) for write in writes for e in write.events) <= EVENT_BYTES_MAX


def _box(writes: Sequence[Write]) -> dict[str, Any]:
    """Return the document with the events of a batch, in the shape of a submission's outbox."""
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
