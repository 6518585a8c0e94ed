"""A MongoDB small enough to read: snapshot transactions, write conflicts, unknown commit results.

Only what the stores of `services.kpi` and `services.submissions` use; `tests/contract` holds it to
what a real database answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import AutoReconnect, BulkWriteError, DuplicateKeyError, NetworkTimeout

from tests.simulation.query import Document, Order, copied, matches, ordered, projected, stored
from tests.simulation.sessions import TRANSIENT, Client, Session, Stored, put
from tests.simulation.update import updated
from tests.simulation.world import World

UNKNOWN_RATE = 0.01
READ_FAILURE_RATE = 0.003
TRANSACTIONS_IN = "kieng_kpi"
"""The one database whose collections are read and written in transactions."""
DUPLICATE_KEY = 11000
UNIQUE = "names"
"""The one field with a unique index: that of the submissions."""


class SimulatedMongo:
    """All databases of one simulated deployment; stands in for `services.kernel.mongo.Mongo`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.databases: dict[str, Stored] = {}
        self.client = Client(self)
        self.conflicts = self.unknown = self.unread = 0

    def database(self, name: str) -> Database:
        """Return a database."""
        return Database(self, self.databases.setdefault(name, {}))

    @property
    def in_transactions(self) -> Stored:
        """What transactions read and write."""
        return self.databases.setdefault(TRANSACTIONS_IN, {})

    def documents(self, database: str, collection: str) -> list[Document]:
        """Return everything a collection holds, for checks after or beside the run."""
        return [d for _, d in self.databases.get(database, {}).get(collection, {}).values()]

    def read(self, session: Session | None = None) -> None:
        """Fail now and then, in a transaction or beside one.

        Raises:
            pymongo.errors.NetworkTimeout: no answer came.
            pymongo.errors.AutoReconnect: the connection was lost.
        """
        number = self.world.random.random() if self.world.is_running else 1.0
        if number < READ_FAILURE_RATE:
            self.unread += 1
            kind = NetworkTimeout if number < READ_FAILURE_RATE / 2 else AutoReconnect
            labels = [] if session is None else [TRANSIENT]
            raise kind("nothing could be read", {"errorLabels": labels})

    def fate(self) -> str:
        """Return what becomes of a write: done, or `lost` or `unheard` by the writer."""
        number = self.world.random.random() if self.world.is_running else 1.0
        if number >= UNKNOWN_RATE:
            return "done"
        self.unknown += 1
        return "lost" if number < UNKNOWN_RATE / 2 else "unheard"


class Database:
    """Collections by name."""

    def __init__(self, mongo: SimulatedMongo, stored: Stored) -> None:
        self._mongo, self._stored = mongo, stored

    def __getitem__(self, collection: str) -> Collection:
        self._stored.setdefault(collection, {})
        return Collection(self._mongo, self._stored, collection)


class Cursor:
    """A query, which is asked when its documents are."""

    def __init__(
        self,
        collection: Collection,
        query: Document,
        projection: Mapping[str, int] | None,
        session: Session | None,
        sort: Order | None,
    ) -> None:
        self._collection, self._query, self._session = collection, query, session
        self._projection, self._order, self._limit = projection, list(sort or ()), 0

    def sort(self, keys: str | Order, direction: int = 1) -> Cursor:
        """Order by a field, or by several."""
        self._order = [(keys, direction)] if isinstance(keys, str) else list(keys)
        return self

    def batch_size(self, count: int) -> Cursor:
        """Everything comes at once."""
        return self

    def limit(self, count: int) -> Cursor:
        """Keep the first; all of them for 0."""
        self._limit = count
        return self

    def __iter__(self) -> Iterator[Document]:
        found = self._collection.matching(self._query, self._session)
        found = ordered(found, self._order)[: self._limit or None]
        return iter([copied(projected(document, self._projection)) for document in found])


class Result:
    """How many documents a write met."""

    def __init__(self, matched_count: int) -> None:
        self.matched_count = matched_count


class Collection:
    """One collection."""

    def __init__(self, mongo: SimulatedMongo, stored: Stored, name: str) -> None:
        self._mongo, self._stored, self._name = mongo, stored, name

    def _documents(self, query: Document, session: Session | None) -> list[Document]:
        """Return the documents among which those are that a query finds."""
        if session is None:
            source, written = self._stored, {}
        else:
            source, written = session.transaction.seen, session.transaction.writes
        here = source.get(self._name, {})
        wanted = query.get("_id")
        if isinstance(wanted, dict):
            wanted = wanted.get("$in")
            keys = None if wanted is None else list(dict.fromkeys(wanted))
        else:
            keys = None if wanted is None else [wanted]
        if keys is not None:
            listed = []
            for key in keys:
                if (self._name, key) in written:
                    listed.append(written[self._name, key])
                elif key in here:
                    listed.append(here[key][1])
            return listed
        if not written:
            return [document for _, document in here.values()]
        found = [d for key, (_, d) in here.items() if (self._name, key) not in written]
        return found + [d for (name, _), d in written.items() if name == self._name]

    def _find(self, query: Document, session: Session | None) -> list[Document]:
        found = self._documents(query, session)
        return [document for document in found if matches(document, query)] if query else found

    def matching(self, query: Document, session: Session | None) -> list[Document]:
        """Return the documents that a query finds, as they are stored."""
        if self._name == "outbox" and not self._stored[self._name]:
            return []  # batches are not simulated, so that looking for one is no step either
        self._mongo.world.point(f"find {self._name}")
        self._mongo.read(session)
        return self._find(query, session)

    def find(
        self,
        query: Document,
        projection: Mapping[str, int] | None = None,
        session: Session | None = None,
        sort: Order | None = None,
    ) -> Cursor:
        """Return the documents that match."""
        return Cursor(self, query, projection, session, sort)

    def find_one(
        self,
        query: Document,
        projection: Mapping[str, int] | None = None,
        session: Session | None = None,
        sort: Order | None = None,
    ) -> Document | None:
        """Return the first document that matches, or None."""
        return next(iter(self.find(query, projection, session, sort).limit(1)), None)

    def count_documents(self, query: Document) -> int:
        """Return how many match."""
        return len(self.matching(query, None))

    def insert_one(self, document: Document, session: Session | None = None) -> None:
        """Store a new document."""
        self._mongo.world.point(f"insert {self._name}")
        self._insert(document, session)

    def _insert(self, document: Document, session: Session | None) -> None:
        if self._documents({"_id": document["_id"]}, session):
            raise _duplicate("_id")
        names = set(document.get(UNIQUE, ()))
        if names and any(names & set(d.get(UNIQUE, ())) for d in self._documents({}, session)):
            raise _duplicate(UNIQUE)
        self._write(document, session)

    def update_one(
        self,
        query: Document,
        change: Document,
        upsert: bool = False,
        session: Session | None = None,
    ) -> Result:
        """Change the document that matches; say how many there were."""
        self._mongo.world.point(f"update {self._name}")
        found = next(iter(self._find(query, session)), None)
        if found is not None:
            self._write(updated(found, query, change), session)
        elif upsert:
            self._insert(updated(None, query, change), session)
        return Result(0 if found is None else 1)

    def update_many(self, query: Document, change: Document) -> Result:
        """Change all documents that match; each by itself may be the last before a crash."""
        changed = 0
        for document in self._find(query, None):
            again = {**query, "_id": document["_id"]}
            changed += self.update_one(again, change).matched_count
        return Result(changed)

    def bulk_write(
        self, writes: Iterable[Any], ordered: bool = True, session: Session | None = None
    ) -> Result:
        """Replace, insert and update; inserts that are refused do not keep the others back."""
        self._mongo.world.point(f"bulk {self._name}")
        matched, mistakes = 0, []
        for index, write in enumerate(writes):
            try:
                matched += self._write_one(write, session)
            except DuplicateKeyError as error:
                mistakes.append({"index": index, "code": error.code})
                if ordered or session is not None:
                    break
        if mistakes:
            raise BulkWriteError({"writeErrors": mistakes})
        return Result(matched)

    def _write_one(self, write: Any, session: Session | None) -> int:
        # What pymongo's writes hold is typed as what it may be at most.
        document: Document = write._doc
        if isinstance(write, InsertOne):
            self._insert(document, session)
            return 0
        query: Document = write._filter
        if isinstance(write, UpdateOne):
            return self.update_one(query, document, session=session).matched_count
        assert isinstance(write, ReplaceOne)
        found = next(iter(self._find(query, session)), None)
        if found is not None or write._upsert:
            self._write(document, session)
        return 0 if found is None else 1

    def _write(self, document: Document, session: Session | None) -> None:
        key, kept = document["_id"], stored(document)
        if session is not None:
            session.transaction.write(self._name, key, kept)
            return
        fate = self._mongo.fate()
        if fate == "lost":
            raise AutoReconnect("the write was never heard of")
        put(self._stored, self._name, key, kept)
        if fate == "unheard":
            raise AutoReconnect("the write succeeded, its answer was lost")


def _duplicate(field: str) -> DuplicateKeyError:
    return DuplicateKeyError(f"E11000 duplicate key: {field}", DUPLICATE_KEY)
