"""A MongoDB small enough to read: snapshot transactions, write conflicts, unknown commit results.

Only what the stores of `services.kpi` and `services.submissions` use. Their integration tests run
the same stores on a real database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import AutoReconnect, DuplicateKeyError, NetworkTimeout

from tests.simulation.update import matches, updated
from tests.simulation.world import World

Document = dict[str, Any]
Stored = dict[str, dict[str, tuple[int, Document]]]
UNKNOWN_RATE = 0.01
READ_FAILURE_RATE = 0.003
TRANSACTIONS_IN = "kieng_kpi"
"""The one database whose collections are read and written in transactions."""


class Transaction:
    """What a transaction saw, and what it wants to write."""

    def __init__(self, seen: Stored) -> None:
        self.seen = seen
        self.writes: dict[tuple[str, str], Document] = {}


class SimulatedMongo:
    """All databases of one simulated deployment; stands in for `services.kernel.mongo.Mongo`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.databases: dict[str, Stored] = {}
        self.conflicts = self.unknown = self.unread = 0

    def database(self, name: str) -> Database:
        """Return a database."""
        return Database(self, self.databases.setdefault(name, {}))

    def documents(self, database: str, collection: str) -> list[Document]:
        """Return everything a collection holds, for checks after or beside the run."""
        return [d for _, d in self.databases.get(database, {}).get(collection, {}).values()]

    @property
    def client(self) -> Client:
        """Sessions; nothing has to be ended here, because conflicts are found at the commit."""
        return Client(self)

    def read(self) -> None:
        """Fail now and then, in a transaction or beside one.

        Raises:
            pymongo.errors.NetworkTimeout: no answer came, which no transaction is repeated for.
            pymongo.errors.AutoReconnect: the connection was lost.
        """
        number = self.world.random.random() if self.world.is_running else 1.0
        if number < READ_FAILURE_RATE:
            self.unread += 1
            kind = NetworkTimeout if number < READ_FAILURE_RATE / 2 else AutoReconnect
            raise kind("nothing could be read")

    def fate(self) -> str:
        """Return what becomes of a write: done, or `lost` or `unheard` by the writer."""
        number = self.world.random.random() if self.world.is_running else 1.0
        if number >= UNKNOWN_RATE:
            return "done"
        self.unknown += 1
        return "lost" if number < UNKNOWN_RATE / 2 else "unheard"


class Client:
    """Opens sessions."""

    session_id: Document = {"id": None}

    def __init__(self, mongo: SimulatedMongo) -> None:
        self._mongo = mongo

    def start_session(self) -> Client:
        """A session is nothing but a way to a transaction."""
        return self

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *trouble: object) -> None:
        return None

    def with_transaction(self, work: Callable[[Any], Any], *concerns: object) -> Any:
        """Run ``work`` on a snapshot and commit, again while it conflicts or cannot read."""
        mongo = self._mongo
        stored = mongo.databases.setdefault(TRANSACTIONS_IN, {})
        while True:
            transaction = Transaction({name: dict(found) for name, found in stored.items()})
            try:
                result = work(transaction)
            except AutoReconnect:
                # Nothing is written before the commit, so pymongo begins anew, too.
                continue
            mongo.world.point("commit")
            if _conflicts(stored, transaction):
                mongo.conflicts += 1
                continue
            fate = mongo.fate()
            if fate == "lost":
                raise AutoReconnect("the commit was never heard of")
            for (collection, key), document in transaction.writes.items():
                put(stored, collection, key, document)
            # Even the answer may be lost: by the network, or because the process dies here.
            mongo.world.point("committed")
            if fate == "unheard":
                raise AutoReconnect("the commit succeeded, its answer was lost")
            return result


def _conflicts(stored: Stored, transaction: Transaction) -> bool:
    nothing: tuple[int, Document] = (0, {})
    return any(
        stored.get(collection, {}).get(key, nothing)[0]
        != transaction.seen.get(collection, {}).get(key, nothing)[0]
        for collection, key in transaction.writes
    )


def put(stored: Stored, collection: str, key: str, document: Document) -> None:
    """Store a document as its next version."""
    found = stored.setdefault(collection, {})
    found[key] = (found.get(key, (0, {}))[0] + 1, document)


class Database:
    """Collections by name."""

    def __init__(self, mongo: SimulatedMongo, stored: Stored) -> None:
        self._mongo, self._stored = mongo, stored

    def __getitem__(self, collection: str) -> Collection:
        self._stored.setdefault(collection, {})
        return Collection(self._mongo, self._stored, collection)


class Cursor(list[Document]):
    """Found documents, which can be put in order and cut."""

    def sort(self, keys: Any, direction: int = 1) -> Cursor:  # type: ignore[override]
        """Order by keys."""
        several = [(keys, direction)] if isinstance(keys, str) else list(keys)
        for name, way in reversed(several):
            super().sort(key=lambda document, name=name: document[name], reverse=way < 0)
        return self

    def batch_size(self, count: int) -> Cursor:
        """Everything comes at once."""
        return self

    def limit(self, count: int) -> Cursor:
        """Keep the first; all of them for 0."""
        return Cursor(self[: count or None])


class Collection:
    """One collection."""

    def __init__(self, mongo: SimulatedMongo, stored: Stored, name: str) -> None:
        self._mongo, self._stored, self._name = mongo, stored, name

    def _documents(self, query: Document, session: Transaction | None) -> Iterator[Document]:
        source = (self._stored if session is None else session.seen).get(self._name, {})
        written = {} if session is None else session.writes
        wanted = query.get("_id")
        if wanted is not None:
            keys = wanted["$in"] if isinstance(wanted, dict) else [wanted]
            for key in keys:
                if (self._name, key) in written:
                    yield written[self._name, key]
                elif key in source:
                    yield source[key][1]
            return
        for key, (_, document) in source.items():
            if (self._name, key) not in written:
                yield document
        yield from (d for (name, _), d in written.items() if name == self._name)

    def find(
        self,
        query: Document,
        projection: Any = None,
        session: Transaction | None = None,
        sort: Any = None,
    ) -> Cursor:
        """Return the documents that match."""
        self._mongo.world.point(f"find {self._name}")
        self._mongo.read()
        found = Cursor(d for d in self._documents(query, session) if matches(d, query))
        return found.sort(sort) if sort else found

    def find_one(
        self, query: Document, session: Transaction | None = None, sort: Any = None
    ) -> Document | None:
        """Return a document that matches, or None."""
        return next(iter(self.find(query, session=session, sort=sort)), None)

    def count_documents(self, query: Document) -> int:
        """Return how many match."""
        return len(self.find(query))

    def insert_one(self, document: Document, session: Transaction | None = None) -> None:
        """Store a new document."""
        self._mongo.world.point(f"insert {self._name}")
        names = set(document.get("names", ()))
        for other in self._documents({}, session):
            if other["_id"] == document["_id"] or names & set(other.get("names", ())):
                raise DuplicateKeyError("E11000")
        self._write(dict(document), session)

    def update_one(
        self, query: Document, change: Document, upsert: bool = False, session: Any = None
    ) -> Result:
        """Change the document that matches; say how many there were."""
        self._mongo.world.point(f"update {self._name}")
        found = next((d for d in self._documents(query, session) if matches(d, query)), None)
        if found is None and not upsert:
            return Result(0)
        self._write(updated(found, query, change), session)
        return Result(0 if found is None else 1)

    def update_many(self, query: Document, change: Document) -> Result:
        """Change all documents that match; each by itself may be the last before a crash."""
        changed = 0
        for document in [d for d in self._documents(query, None) if matches(d, query)]:
            again = {**query, "_id": document["_id"]}
            changed += self.update_one(again, change).matched_count
        return Result(changed)

    def bulk_write(
        self, writes: Iterable[Any], ordered: bool = True, session: Any = None
    ) -> Result:
        """Replace, insert and update."""
        self._mongo.world.point(f"bulk {self._name}")
        matched = 0
        for write in writes:
            if isinstance(write, UpdateOne):
                matched += self.update_one(write._filter, write._doc, session=session).matched_count
                continue
            assert isinstance(write, (ReplaceOne, InsertOne))
            document = write._doc
            known = next(self._documents({"_id": document["_id"]}, session), None)
            if isinstance(write, InsertOne) and known is not None:
                raise AssertionError(f"{document['_id']} is inserted twice")
            self._write(dict(document), session)
        return Result(matched)

    def _write(self, document: Document, session: Transaction | None) -> None:
        if session is not None:
            session.writes[self._name, document["_id"]] = document
            return
        fate = self._mongo.fate()
        if fate == "lost":
            raise AutoReconnect("the write was never heard of")
        put(self._stored, self._name, document["_id"], document)
        if fate == "unheard":
            raise AutoReconnect("the write succeeded, its answer was lost")


class Result:
    """How many documents a write met."""

    def __init__(self, matched_count: int) -> None:
        self.matched_count = matched_count
