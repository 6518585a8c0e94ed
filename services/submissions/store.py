"""Stores submissions: one database per institution, one write per change, guarded by version."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from itertools import groupby, islice, takewhile
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from services.kernel.errors import AlreadyExists, Conflict, Exhausted, Forbidden, NotFound
from services.kernel.mongo import Mongo, Store
from services.submissions import metrics
from services.submissions.backlog import Backlog
from services.submissions.batches import Batches, chunks
from services.submissions.documents import (
    Loaded,
    Write,
    decode,
    encode_change,
    encode_new,
    request_name,
    source_name,
)
from services.submissions.domain.submission import SourceRecord, State, request_id_taken
from services.submissions.matching import fits
from services.submissions.schema import database_name, declare
from services.submissions.write_combiner import Together

OUTBOX_MAX = 50
GROUP_MAX = 200
"""Maximum number of submissions per batch."""
# At most one entry per gRPC thread waits; a larger write would delay its first entry too long.
INSERTS_MAX = 50
NEAR_MAX = 500
"""Maximum number of submissions that `near` reads per query."""


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
        self.batches = Batches(self._database)
        self._insert_each = Together(self._refused, INSERTS_MAX)
        self.backlog = Backlog()

    def declare(self) -> None:
        """Check the database and create its missing indexes; see `mongo.declare`."""
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
        if found := self._one({"_id": submission_id}):
            return found
        raise absent()

    def of_request(self, request_id: str) -> Loaded | None:
        """Return the submission that a request created or changed; None if there is none."""
        return self._one({"names": request_name(request_id)})

    def of_source(self, source: SourceRecord) -> Loaded | None:
        """Return the submission imported from a source record; None if there is none."""
        return self._one({"names": source_name(source)})

    def of_ids(self, ids: Iterable[str]) -> dict[str, Loaded]:
        """Return id -> submission for those of the ids that exist; the others are left out."""
        return {found.submission.submission_id: found for found in self._many("_id", ids)}

    def of_sources(self, sources: Iterable[SourceRecord]) -> dict[SourceRecord, Loaded]:
        """Return source record -> submission for those of the records that were imported."""
        found = self._many("names", map(source_name, sources))
        return {each.submission.source: each for each in found if each.submission.source}

    def near(self, name: str, values: Iterable[str]) -> Iterator[Loaded]:
        """Yield the submissions with one of these values in a field.

        At most `NEAR_MAX` submissions are read per 50 values; further ones are left out.

        Args:
            name: field of the content, `work_key` or `likeness`.
            values: wanted values of the field; a repeated one counts once.
        """
        for chunk in chunks(sorted(set(values))):
            yield from map(decode, self._documents.find({name: {"$in": chunk}}).limit(NEAR_MAX))

    def page(
        self, query: dict[str, Any], after: str, limit: int, is_wanted: Callable[[], bool]
    ) -> list[Loaded]:
        """Return the first submissions that match a query, ordered by id.

        Args:
            query: MongoDB filter, of the forms that `matching.fits` knows.
            after: only submissions with greater ids are returned; empty for the first page.
            limit: maximum number of submissions.
            is_wanted: asked before each; once it returns False, no more are read.
        """
        # The embedded database uses an index only if that covers the filter. Few submissions claim
        # one work, so the rest of the filter is applied to them here.
        key = {"work_key": query["work_key"]} if "work_key" in query else query
        wanted = {**key, "_id": {**key.get("_id", {}), "$gt": after}} if after else key
        found = self._documents.find(wanted).sort("_id", 1).limit(limit if key == query else 0)
        read = takewhile(lambda _: is_wanted(), found)
        return [decode(d) for d in islice((d for d in read if fits(d, query)), limit)]

    def every(self, batch: int) -> Iterator[Loaded]:
        """Yield all submissions ordered by id; ``batch`` are read from the database at a time."""
        return (decode(d) for d in self._documents.find({}).sort("_id", 1).batch_size(batch))

    def insert(self, write: Write) -> None:
        """Write a new submission on its own.

        Raises:
            AlreadyExists: its request id or source record is in use.
        """
        try:
            self._documents.insert_one(encode_new(write, write.events))
        except DuplicateKeyError:
            raise AlreadyExists("the request_id or source record is in use") from None

    def insert_with_others(self, write: Write) -> None:
        """Write a new submission together with concurrent inserts of other threads.

        Raises:
            AlreadyExists: its request id or source record is in use.
            Exhausted: more is submitted than can be written or published now.
        """
        self.backlog.need_room()
        if self._insert_each(write):
            raise AlreadyExists("the request_id or source record is in use")

    def _refused(self, writes: Sequence[Write]) -> list[bool]:
        if len(writes) > 1:
            refused = self.batches.write(writes)
            return [write.after.submission_id in refused for write in writes]
        try:
            self.insert(writes[0])
        except AlreadyExists:
            return [True]
        return [False]

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

    def pending(self, limit: int) -> list[dict[str, Any]]:
        """Return documents with unpublished events, reduced to what is needed to publish them.

        Those of batches come first, so that the events of a submission keep the order of its
        versions. At most ``limit`` others follow; none while there are many batches.
        """
        batches_max = math.ceil(limit / GROUP_MAX)
        batches = self.batches.pending(batches_max)
        if len(batches) == batches_max:
            return batches
        fields = {"version": 1, "institution_id": 1, "outbox": 1}
        single = self._documents.find({"outbox_pending": True}, fields).limit(limit)
        return [*batches, *single]

    def count_pending(self) -> int:
        """Return the number of submissions with unpublished events."""
        alone = self._documents.count_documents({"outbox_pending": True})
        return alone + self.batches.count_pending()

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
        self.batches.clear([each["_id"] for each in documents if "version" not in each])
        documents = [each for each in documents if "version" in each]
        cleared = 0
        for version, group in groupby(sorted(documents, key=_version), key=_version):
            for ids in chunks([document["_id"] for document in group]):
                guard = {"_id": {"$in": ids}, "version": version}
                empty = {"$set": {"outbox": [], "outbox_pending": False}}
                cleared += self._documents.update_many(guard, empty).matched_count
        if cleared < len(documents):
            self._documents.bulk_write([_pull(document) for document in documents], ordered=False)

    def _one(self, query: dict[str, Any]) -> Loaded | None:
        document = self._documents.find_one(query)
        return decode(document) if document else None

    def _many(self, name: str, values: Iterable[str]) -> Iterator[Loaded]:
        for chunk in chunks(sorted(set(values))):
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
    """Return the error for a submission that does not exist or that the caller may not see."""
    return NotFound("no such submission")


def need_room(write: Write) -> None:
    """Check that the outbox of the submission has room for the events of a change.

    Raises:
        Exhausted: the broker has been down for too long; repeat later.
    """
    pending = write.before.pending if write.before else 0
    if pending + len(write.events) > OUTBOX_MAX:
        raise Exhausted("too many changes of this submission wait for the broker; repeat later")


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
