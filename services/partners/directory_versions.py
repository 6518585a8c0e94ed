"""Stores the versions of the directory in the database ``kieng_partners``.

Each version is its own outbox: its event is built from the document, which holds ``unsent`` until
the broker has acknowledged the event.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pymongo.errors import DuplicateKeyError

from services.kernel.errors import Conflict, NotFound
from services.kernel.mongo import Mongo, Store
from services.partners.documents import (
    Change,
    decode_change,
    decode_directory,
    encode_directory,
)
from services.partners.domain.directory import Directory, Entry, Unit, entries_of
from services.partners.domain.terms import Terms
from services.partners.schema import DATABASE, declare
from services.partners.search_text import fold

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


class DirectoryStore(Store):
    """Injects `Directories`; each start of the service publishes the newest version again."""

    def make(self, mongo: Mongo) -> Directories:
        """Return the directory versions, with the newest marked as unpublished."""
        directories = Directories(mongo)
        directories.republish_newest()
        return directories
