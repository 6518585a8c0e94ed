"""A MongoDB small enough to read: snapshot transactions, write conflicts, unknown commit results.

Only what the KPI store uses. tests/integration/kpi runs the same store on a real database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import AutoReconnect

from tests.simulation.world import World

Document = dict[str, Any]
UNKNOWN_RATE = 0.01


class Session:
    """A transaction: what it saw, and what it wants to write."""

    def __init__(self, seen: dict[str, dict[str, tuple[int, Document]]]) -> None:
        self.seen = seen
        self.writes: dict[tuple[str, str], Document] = {}


class SimulatedMongo:
    """Databases of one simulated deployment; stands in for `services.kernel.mongo.Mongo`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.stored: dict[str, dict[str, tuple[int, Document]]] = {}
        self.conflicts = 0

    def database(self, name: str) -> SimulatedMongo:
        """There is one database."""
        return self

    def __getitem__(self, collection: str) -> Collection:
        self.stored.setdefault(collection, {})
        return Collection(self, collection)

    @property
    def client(self) -> _Client:
        """Sessions; nothing has to be ended here, because conflicts are found at the commit."""
        return _Client()

    def transaction(self, work: Callable[[Any], Any], given: Any = None) -> Any:
        """Run ``work`` on a snapshot and commit, again and again while it conflicts."""
        while True:
            seen = {name: dict(documents) for name, documents in self.stored.items()}
            session = Session(seen)
            result = work(session)
            self.world.point("commit")
            if self._conflicts(session):
                self.conflicts += 1
                continue
            fate = self.world.random.random()
            if fate < UNKNOWN_RATE / 2:
                raise AutoReconnect("the commit was never heard of")
            for (collection, key), document in session.writes.items():
                self.put(collection, key, document)
            # Even the answer may be lost: by the network, or because the process dies here.
            self.world.point("committed")
            if fate < UNKNOWN_RATE:
                raise AutoReconnect("the commit succeeded, its answer was lost")
            return result

    def _conflicts(self, session: Session) -> bool:
        return any(
            self.stored[collection].get(key, (0, {}))[0]
            != session.seen.get(collection, {}).get(key, (0, {}))[0]
            for collection, key in session.writes
        )

    def put(self, collection: str, key: str, document: Document) -> None:
        """Store a document."""
        version = self.stored[collection].get(key, (0, {}))[0]
        self.stored[collection][key] = (version + 1, document)


class _Client:
    def __init__(self) -> None:
        self.admin = self

    def start_session(self) -> _Client:
        return self

    @property
    def session_id(self) -> Document:
        return {"id": None}

    def command(self, command: Document) -> None:
        raise AssertionError(f"nobody should be ended here: {command}")


class Collection:
    """One collection."""

    def __init__(self, mongo: SimulatedMongo, name: str) -> None:
        self._mongo = mongo
        self._name = name

    def _documents(self, session: Session | None) -> Iterator[Document]:
        source = self._mongo.stored if session is None else session.seen
        written = {} if session is None else session.writes
        for key, (_, document) in source.get(self._name, {}).items():
            if (self._name, key) not in written:
                yield document
        yield from (d for (name, _), d in written.items() if name == self._name)

    def find(
        self, query: Document, projection: Any = None, session: Session | None = None
    ) -> list[Document]:
        """Return the documents that match."""
        self._mongo.world.point(f"find {self._name}")
        if "_id" in query and isinstance(query["_id"], dict):
            wanted = set(query["_id"]["$in"])
            return [d for d in self._documents(session) if d["_id"] in wanted]
        return [d for d in self._documents(session) if _matches(d, query)]

    def find_one(self, query: Document, session: Session | None = None) -> Document | None:
        """Return a document that matches, or None."""
        return next(iter(self.find(query, session=session)), None)

    def update_one(
        self, query: Document, change: Document, upsert: bool = False, session: Any = None
    ) -> Any:
        """Change the document that matches; say how many there were."""
        self._mongo.world.point(f"update {self._name}")
        found = next((d for d in self._documents(session) if _matches(d, query)), None)
        if found is None and not upsert:
            return _Result(0)
        new = dict(found or {"_id": query["_id"], **change.get("$setOnInsert", {})})
        new.update(change.get("$set", {}))
        for field, step in change.get("$inc", {}).items():
            new[field] = new.get(field, 0) + step
        self._write(new, session)
        return _Result(0 if found is None else 1)

    def bulk_write(self, writes: Iterable[Any], ordered: bool = True, session: Any = None) -> None:
        """Replace and insert."""
        self._mongo.world.point(f"bulk {self._name}")
        for write in writes:
            if isinstance(write, UpdateOne):
                self.update_one(write._filter, write._doc, session=session)
                continue
            assert isinstance(write, (ReplaceOne, InsertOne))
            document = write._doc
            if isinstance(write, InsertOne) and any(
                d["_id"] == document["_id"] for d in self._documents(session)
            ):
                raise AssertionError(f"{document['_id']} is inserted twice")
            self._write(dict(document), session)

    def _write(self, document: Document, session: Session | None) -> None:
        if session is None:
            self._mongo.put(self._name, document["_id"], document)
        else:
            session.writes[self._name, document["_id"]] = document


class _Result:
    def __init__(self, matched_count: int) -> None:
        self.matched_count = matched_count


def _matches(document: Document, query: Document) -> bool:
    return all(
        document.get(field) >= wanted["$gte"]
        if isinstance(wanted, dict)
        else document.get(field) == wanted
        for field, wanted in query.items()
    )
