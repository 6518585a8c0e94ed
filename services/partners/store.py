"""Stores the partners in the database ``kieng_partners``.

Every document is its own outbox: its event is built from the document, which holds ``unsent``
from the write that changes it until the broker has acknowledged the event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from services.kernel.errors import Conflict
from services.kernel.mongo import Mongo, Store
from services.partners.documents import (
    Change,
    decode_change,
    decode_partner,
    encode_partner,
)
from services.partners.domain.partner import PARTNER_ID, TAX_CODE, Partner, completed, known_as
from services.partners.schema import DATABASE, declare

TRIES = 5
FOUND_MAX = 500
KeyOf = Callable[[str], str]


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


class PartnerStore(Store):
    """Injects the registry of partners, `Partners`."""

    def make(self, mongo: Mongo) -> Partners:
        """Return the registry of partners in the database ``kieng_partners``."""
        return Partners(mongo)
