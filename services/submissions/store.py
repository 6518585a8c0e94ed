"""Stores submissions: one database per institution, one write per change, guarded by version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import groupby
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.kernel.errors import AlreadyExists, Conflict, Exhausted, Forbidden, NotFound
from services.kernel.mongo import Mongo, Store
from services.kernel.publisher import Event
from services.submissions import metrics
from services.submissions.documents import (
    Loaded,
    Write,
    decode,
    decode_outbox,
    encode_change,
    encode_new,
    request_name,
    source_name,
)
from services.submissions.domain.submission import SourceRecord, State, request_id_taken
from services.submissions.schema import database_name, declare
from services.submissions.write_combiner import Together

OUTBOX_MAX = 50
# At most one entry per gRPC thread waits; a larger write would delay its first entry too long.
INSERTS_MAX = 50
# SecantusDB's cost of `$in` grows with the square of its length.
IDS_PER_QUERY = 50
DUPLICATE_KEY = 11000


class Submissions:
    """The stored submissions of one institution. Thread-safe.

    Args:
        mongo: connection to the database server.
        institution_id: institution that owns the submissions.
    """

    def __init__(self, mongo: Mongo, institution_id: str) -> None:
        self.institution_id = institution_id
        self._database = mongo.database(database_name(institution_id))
        self._documents = self._database["submissions"]
        self._insert_each = Together(self._refused, INSERTS_MAX)

    def declare(self) -> None:
        """Create the missing indexes of the database."""
        declare(self._database)

    @cached_property
    def epoch(self) -> int:
        """Restore epoch of the database: 0 at first, raised by each restore from a backup."""
        document = self._database["meta"].find_one({"_id": "restore"})
        return int(document["restore_epoch"]) if document else 0

    def get(self, submission_id: str) -> Loaded:
        """Return the submission with this id.

        Raises:
            NotFound: there is none.
        """
        document = self._documents.find_one({"_id": submission_id})
        if document is None:
            raise absent()
        return decode(document)

    def of_request(self, request_id: str) -> Loaded | None:
        """Return the submission that a request created or changed; None if there is none."""
        return self._one({"names": request_name(request_id)})

    def of_source(self, source: SourceRecord) -> Loaded | None:
        """Return the submission imported from a source record; None if there is none."""
        return self._one({"names": source_name(source)})

    def of_ids(self, ids: Iterable[str]) -> dict[str, Loaded]:
        """Return id -> submission for those of the ids that exist."""
        return {found.submission.submission_id: found for found in self._many("_id", ids)}

    def of_sources(self, sources: Iterable[SourceRecord]) -> dict[SourceRecord, Loaded]:
        """Return source record -> submission for those of the records that were imported."""
        found = self._many("names", map(source_name, sources))
        return {each.submission.source: each for each in found if each.submission.source}

    def page(self, query: dict[str, Any], after: str, limit: int) -> list[Loaded]:
        """Return the first submissions that match a query, ordered by id.

        Args:
            query: MongoDB filter.
            after: only submissions with greater ids are returned; empty for the first page.
            limit: maximum number of submissions.
        """
        wanted = {**query, "_id": {"$gt": after}} if after else query
        return [decode(d) for d in self._documents.find(wanted).sort("_id", 1).limit(limit)]

    def every(self, batch: int) -> Iterator[Loaded]:
        """Yield all submissions ordered by id; ``batch`` are read from the database at a time."""
        return (decode(d) for d in self._documents.find({}).sort("_id", 1).batch_size(batch))

    def insert(self, write: Write) -> None:
        """Write a new submission on its own.

        Raises:
            AlreadyExists: its request id or source record is in use.
        """
        try:
            self._documents.insert_one(encode_new(write))
        except DuplicateKeyError:
            raise AlreadyExists("the request_id or source record is in use") from None

    def insert_with_others(self, write: Write) -> None:
        """Write a new submission in one bulk write with concurrent inserts of other threads.

        Raises:
            AlreadyExists: its request id or source record is in use.
        """
        if self._insert_each(write):
            raise AlreadyExists("the request_id or source record is in use")

    def _refused(self, writes: Sequence[Write]) -> list[bool]:
        refused = self.insert_many(writes)
        return [write.after.submission_id in refused for write in writes]

    def insert_many(self, writes: Sequence[Write]) -> set[str]:
        """Write new submissions. Return the ids of those refused because a name is in use."""
        if not writes:
            return set()
        try:
            self._documents.insert_many([encode_new(write) for write in writes], ordered=False)
        except BulkWriteError as error:
            mistakes = _need_duplicates_only(error)
            return {writes[mistake["index"]].after.submission_id for mistake in mistakes}
        return set()

    def replace(self, write: Write) -> None:
        """Write the next version of a submission if the version that was read is still stored.

        Raises:
            Conflict: another change was written first.
            AlreadyExists: the request id was used for another submission.
            Exhausted: too many events of the submission are unpublished; repeat later.
        """
        need_room(write)
        update = _update(write)
        try:
            matched = self._documents.update_one(update._filter, update._doc).matched_count
        except DuplicateKeyError:
            raise request_id_taken() from None
        if not matched:
            raise Conflict("the submission was changed in between; read it again and repeat")

    def replace_many(self, writes: Sequence[Write]) -> bool:
        """Write next versions in bulk and return True if all were written.

        False: some may be written, so retry each alone. Call `need_room` for each write before.
        """
        if not writes:
            return True
        try:
            answer = self._documents.bulk_write(list(map(_update, writes)), ordered=False)
        except BulkWriteError as error:
            _need_duplicates_only(error)
            return False
        return bool(answer.matched_count == len(writes))

    def pending(self, limit: int) -> list[dict[str, Any]]:
        """Return up to ``limit`` documents with unpublished events, without other fields."""
        fields = {"version": 1, "institution_id": 1, "outbox": 1}
        return list(self._documents.find({"outbox_pending": True}, fields).limit(limit))

    def count_pending(self) -> int:
        """Return the number of submissions with unpublished events."""
        return self._documents.count_documents({"outbox_pending": True})

    def census(self) -> dict[State, tuple[int, datetime]]:
        """Return state -> (number of submissions, last change of the one unchanged for longest)."""
        oldest = {"$min": "$updated_at"}
        groups = [{"$group": {"_id": "$state", "number": {"$sum": 1}, "oldest": oldest}}]
        found = self._documents.aggregate(groups)
        return {State(each["_id"]): (each["number"], each["oldest"]) for each in found}

    def clear(self, documents: Sequence[dict[str, Any]]) -> None:
        """Remove published events, as `pending` returned them, from the outboxes.

        Events added since then stay. Each addition makes a new version, so a document of the same
        version has the same outbox and is emptied as a whole.
        """
        cleared = 0
        for version, group in groupby(sorted(documents, key=_version), key=_version):
            for ids in _chunks([document["_id"] for document in group]):
                guard = {"_id": {"$in": ids}, "version": version}
                empty = {"$set": {"outbox": [], "outbox_pending": False}}
                cleared += self._documents.update_many(guard, empty).matched_count
        if cleared < len(documents):
            self._documents.bulk_write([_pull(document) for document in documents], ordered=False)

    def _one(self, query: dict[str, Any]) -> Loaded | None:
        document = self._documents.find_one(query)
        return decode(document) if document else None

    def _many(self, name: str, values: Iterable[str]) -> Iterator[Loaded]:
        for chunk in _chunks(sorted(set(values))):
            yield from map(decode, self._documents.find({name: {"$in": chunk}}))


class Databases:
    """The databases of all institutions whose submissions this process stores.

    Args:
        mongo: connection to the database server.
        institutions: ids of these institutions.
    """

    def __init__(self, mongo: Mongo, institutions: Sequence[str]) -> None:
        self._submissions = {each: Submissions(mongo, each) for each in institutions}

    def of(self, institution_id: str) -> Submissions:
        """Return the submissions of the institution with this id.

        Raises:
            Forbidden: this process does not store submissions of that institution.
        """
        if institution_id not in self._submissions:
            raise Forbidden(f"no submissions of {institution_id!r} are kept here")
        return self._submissions[institution_id]

    def all(self) -> list[Submissions]:
        """Return one `Submissions` per institution, in the order of the settings."""
        return list(self._submissions.values())


class SubmissionDatabases(Store):
    """Injects `Databases`; all indexes are created before the first call."""

    def make(self, mongo: Mongo) -> Databases:
        """Return the databases of the institutions in the settings, with their indexes created."""
        metrics.preset(self.container.settings.institutions)
        databases = Databases(mongo, self.container.settings.institutions)
        for submissions in databases.all():
            submissions.declare()
        return databases


def absent() -> NotFound:
    """Return the one error for a submission that is absent or that the caller may not see."""
    return NotFound("no such submission")


def need_room(write: Write) -> None:
    """Check that the outbox of the submission has room for the events of a change.

    Raises:
        Exhausted: the broker has been down for too long; repeat later.
    """
    pending = write.before.pending if write.before else 0
    if pending + len(write.events) > OUTBOX_MAX:
        raise Exhausted("too many changes of this submission wait for the broker; repeat later")


def waiting(documents: Iterable[dict[str, Any]]) -> list[Event]:
    """Return the unpublished events of documents, in the order of each document."""
    return [event for document in documents for event in decode_outbox(document)]


def _need_duplicates_only(error: BulkWriteError) -> list[dict[str, Any]]:
    """Return the write errors if all are duplicate keys; otherwise raise ``error`` again."""
    mistakes: list[dict[str, Any]] = error.details["writeErrors"]
    if any(mistake["code"] != DUPLICATE_KEY for mistake in mistakes):
        raise error
    return mistakes


def _update(write: Write) -> UpdateOne:
    assert write.before is not None
    before = write.before.submission
    guard = {"_id": before.submission_id, "version": before.version}
    return UpdateOne(guard, encode_change(write))


def _pull(document: dict[str, Any]) -> UpdateOne:
    ids = [entry["id"] for entry in document["outbox"]]
    return UpdateOne({"_id": document["_id"]}, {"$pull": {"outbox": {"id": {"$in": ids}}}})


def _version(document: dict[str, Any]) -> int:
    return int(document["version"])


def _chunks(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), IDS_PER_QUERY):
        yield values[start : start + IDS_PER_QUERY]
