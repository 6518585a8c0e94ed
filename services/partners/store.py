"""Stores the directory and the partners in the database ``kieng_partners``.

Every document is its own outbox: its event is built from the document, which holds ``unsent``
from the write that changes it until the broker has acknowledged the event.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from services.kernel.errors import Conflict, NotFound
from services.kernel.mongo import Mongo, Store
from services.partners.documents import (
    Change,
    decode_change,
    decode_directory,
    decode_partner,
    encode_directory,
    encode_partner,
)
from services.partners.domain.directory import Directory, Entry, Unit, entries_of
from services.partners.domain.partner import PARTNER_ID, TAX_CODE, Partner, completed, known_as
from services.partners.domain.terms import Terms
from services.partners.schema import DATABASE, declare
from services.partners.search_text import fold

TRIES = 5
FOUND_MAX = 500
KeyOf = Callable[[str], str]
DIRECTORY_SECONDS_MAX = 1.0
"""Maximum age in seconds of the cached newest directory."""


@dataclass(frozen=True, slots=True)
class Known:
    """A directory version with the search entries of its units."""

    directory: Directory
    entries: tuple[Entry, ...]


class Directories:
    """The stored versions of the directory; the newest is cached in memory. Thread-safe.

    Args:
        mongo: connection to the database server.
        clock: returns monotonic seconds.
    """

    def __init__(self, mongo: Mongo, clock: Callable[[], float] = time.monotonic) -> None:
        declare(mongo.database(DATABASE))
        self._documents = mongo.database(DATABASE)["directories"]
        self._clock = clock
        self._lock = threading.Lock()
        self._newest: Known | None = None
        self._fresh_until = clock()

    def newest(self) -> Known | None:
        """Return the newest version from the cache; None before the first is published.

        A version that another process published is seen after at most `DIRECTORY_SECONDS_MAX`.
        """
        with self._lock:
            if self._clock() >= self._fresh_until:
                known = self._newest.directory.version if self._newest else 0
                if (version := self._newest_version(known)) != known:
                    directory = self._read(version)
                    self._newest = Known(directory, entries_of(directory.units, fold))
                self._fresh_until = self._clock() + DIRECTORY_SECONDS_MAX
            return self._newest

    def entries(self) -> tuple[Entry, ...]:
        """Return the search entries of the newest version; empty before the first is published."""
        newest = self.newest()
        return newest.entries if newest else ()

    def get(self, version: int) -> Directory:
        """Return one version; 0 means the newest.

        Raises:
            NotFound: this version does not exist, or none has been published yet.
        """
        newest = self.newest()
        if newest is None:
            raise NotFound("no directory has been published yet", reason="DIRECTORY_UNKNOWN")
        if version in (0, newest.directory.version):
            return newest.directory
        return self._read(version)

    def stored(self) -> Directory | None:
        """Return the version that is the newest one now; None before the first.

        The cache is not trusted to be new, only to hold what it holds: versions never change.
        """
        known = self._newest.directory if self._newest else None
        version = self._newest_version(known.version if known else 0)
        if not version:
            return None
        return known if known and known.version == version else self._read(version)

    def publish(self, units: tuple[Unit, ...], terms: Terms, after: int, change: Change) -> int:
        """Store a tree and the terms of proposals as version ``after + 1``; return this number.

        Args:
            units: units of the tree, parents before children.
            terms: terms by which its institutions decide.
            after: number of the newest version; 0 before the first.
            change: metadata of the write.

        Raises:
            Conflict: another process has stored that version; plan the publication again.
        """
        directory = Directory(after + 1, units, change.changed_at, terms)
        try:
            self._documents.insert_one(encode_directory(directory, change))
        except DuplicateKeyError:
            raise Conflict("others publish directories at the same time; repeat") from None
        with self._lock:
            self._fresh_until = self._clock()
        return directory.version

    def republish_newest(self) -> None:
        """Mark the newest version, if any, as unpublished: the broker may have lost its log."""
        self._documents.update_one({"version": self._newest_version(0)}, {"$set": {"unsent": True}})

    def unsent(self, limit: int) -> list[tuple[Directory, Change]]:
        """Return at most ``limit`` versions with an unpublished event, each with its metadata."""
        found = self._documents.find({"unsent": True}).limit(limit)
        return [(decode_directory(document), decode_change(document)) for document in found]

    def mark_sent(self, directory: Directory) -> None:
        """Record that the event of a version is published."""
        self._documents.update_one({"version": directory.version}, {"$set": {"unsent": False}})

    def _newest_version(self, known: int) -> int:
        """Return the newest version; ``known`` is one that is stored, or 0."""
        # Not by a sort: for one, the embedded database reads all versions whole.
        newer = self._documents.find({"version": {"$gt": known}}, {"version": 1})
        return max((int(document["version"]) for document in newer), default=known)

    def _read(self, version: int) -> Directory:
        document = self._documents.find_one({"version": version})
        if document is None:
            raise NotFound(
                f"there is no version {version} of the directory", reason="DIRECTORY_UNKNOWN"
            )
        return decode_directory(document)


class Partners:
    """The stored partners. Thread-safe.

    Args:
        mongo: connection to the database server.
    """

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database(DATABASE)
        declare(database)
        self._documents = database["partners"]
        self._counters = database["counters"]
        start = {"$setOnInsert": {"number": 0}}
        self._counters.update_one({"_id": "partner"}, start, upsert=True)

    def register(
        self, asked: Partner, change: Change, key_of: KeyOf | None = None
    ) -> tuple[Partner, bool]:
        """Register a partner unless it is known. Return the stored partner and whether it is new.

        Args:
            asked: partner to register.
            change: metadata of the write.
            key_of: function from a name to its comparison key; if given, names and a tax code that
                a known partner lacks are added to it.

        Raises:
            AlreadyExists: one of the names belongs to another partner.
            InvalidArgument: the known partner would have too many names.
            Conflict: concurrent registrations came first in every attempt; repeat.
        """
        for _ in range(TRIES):
            sharing = self._sharing(asked)
            known = completed(asked, sharing, key_of) if key_of else known_as(asked, sharing)
            if known in sharing:
                return known, False
            if known is not None:
                if self._replace(known, change):
                    return known, False
                continue
            partner = asked.registered(self._next_number())
            try:
                self._documents.insert_one(encode_partner(partner, change))
            except DuplicateKeyError:
                continue
            return partner, True
        raise Conflict("others register the same partner at the same time; repeat")

    def completion(self, asked: Partner, key_of: KeyOf) -> tuple[Partner, bool] | None:
        """Look up the partner that a registration refers to, without changing it.

        Returns:
            The partner, and whether it lacks a name or tax code of ``asked``; None if there is no
            such partner.

        Raises:
            AlreadyExists: one of the names belongs to another partner.
            InvalidArgument: the partner would have too many names.
        """
        sharing = self._sharing(asked)
        full = completed(asked, sharing, key_of)
        if full is None:
            return None
        known = next(each for each in sharing if each.partner_id == full.partner_id)
        return known, known != full

    def _replace(self, partner: Partner, change: Change) -> bool:
        """Write the next version. Return False if it was changed meanwhile or a name is in use."""
        guard = {"_id": partner.partner_id, "version": partner.version - 1}
        document = encode_partner(partner, change)
        del document["_id"]
        try:
            return bool(self._documents.update_one(guard, {"$set": document}).matched_count)
        except DuplicateKeyError:
            return False

    def meant_by(self, text: str, key: str) -> list[Partner]:
        """Return the partners with the id or tax code ``text`` or the comparison key ``key``.

        The partners are ordered by id; the list is empty if there is none.

        Args:
            text: text that a caller typed.
            key: comparison key of that text as a name; empty if it has none.
        """
        queries: list[dict[str, Any]] = [{"keys": key}] if key else []
        if PARTNER_ID.match(text):
            queries.append({"_id": text})
        if TAX_CODE.match(text):
            queries.append({"tax_key": text})
        return self._all_of(queries)

    def with_words(self, words: Iterable[str]) -> list[Partner]:
        """Return at most `FOUND_MAX` partners in whose names a word begins with each of ``words``.

        Args:
            words: normalised beginnings of words; if there are none, every partner matches.
        """
        query = {"$and": [{"search_text": {"$regex": f" {word}"}} for word in words]}
        found = self._documents.find(query if query["$and"] else {}).limit(FOUND_MAX)
        return [decode_partner(document) for document in found]

    def unsent(self, limit: int) -> list[tuple[Partner, Change]]:
        """Return at most ``limit`` partners with an unpublished event, each with its metadata."""
        found = self._documents.find({"unsent": True}).limit(limit)
        return [(decode_partner(document), decode_change(document)) for document in found]

    def mark_sent(self, partners: Iterable[Partner]) -> None:
        """Record that the events of these versions are published; a newer version stays unsent.

        There must be at least one partner.
        """
        sent = [{"_id": partner.partner_id, "version": partner.version} for partner in partners]
        updates = [UpdateOne(each, {"$set": {"unsent": False}}) for each in sent]
        self._documents.bulk_write(updates, ordered=False)

    def _sharing(self, asked: Partner) -> list[Partner]:
        queries: list[dict[str, Any]] = [{"keys": {"$in": sorted(asked.keys)}}]
        if asked.tax_code:
            queries.append({"tax_key": asked.tax_code})
        return self._all_of(queries)

    def _all_of(self, queries: list[dict[str, Any]]) -> list[Partner]:
        # One query each: the embedded database answers `$or` by reading everything.
        found = {d["_id"]: d for query in queries for d in self._documents.find(query)}
        return [decode_partner(found[partner_id]) for partner_id in sorted(found)]

    def _next_number(self) -> int:
        # The counter is created before its first use: for two concurrent first upserts the
        # embedded database returns no document.
        counter: Any = self._counters.find_one_and_update(
            {"_id": "partner"}, {"$inc": {"number": 1}}, return_document=True
        )
        return int(counter["number"])


class DirectoryStore(Store):
    """Injects `Directories`; each start of the service publishes the newest version again."""

    def make(self, mongo: Mongo) -> Directories:
        """Return the directory versions, with the newest marked as unpublished."""
        directories = Directories(mongo)
        directories.republish_newest()
        return directories


class PartnerStore(Store):
    """Injects the registry of partners, `Partners`."""

    def make(self, mongo: Mongo) -> Partners:
        """Return the registry of partners in the database ``kieng_partners``."""
        return Partners(mongo)
