"""The databases under the contract: that of the simulation, and the one that services run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Thread
from typing import Any

import pytest
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from services.cli.backups.restore import drop
from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE
from services.kpi.store.transactions import SNAPSHOT
from services.submissions.schema import database_name, declare
from tests.contract.cutting import cut_way
from tests.simulation.database import SimulatedMongo
from tests.simulation.world import World

Document = dict[str, Any]

INSTITUTION = "contract"
WAIT_SECONDS = 30.0
SERVER_MS = 300
"""How long a client looks for a database that does not come back."""


class StoreUnderTest:
    """One database behind the interface that the stores of the services use.

    Args:
        mongo: a `Mongo`, or what the simulation puts in its place.
    """

    def __init__(self, mongo: Any) -> None:
        self.mongo = mongo
        self.things = mongo.database(DATABASE)["things"]
        """A collection that transactions may use; no index but that of `_id`."""
        self.others = mongo.database(DATABASE)["others"]
        self.named = mongo.database(database_name(INSTITUTION))["submissions"]
        """A collection with the unique index on `names`."""

    def fill(self, *documents: Document) -> None:
        """Insert documents into `things`."""
        for document in documents:
            self.things.insert_one(document)

    def everything(self) -> list[Document]:
        """Return what `things` holds, in order of `_id`."""
        return list(self.things.find({}).sort("_id", 1))

    def ids(self, query: Document) -> list[Any]:
        """Return the sorted `_id` of the things that a query finds."""
        return sorted(document["_id"] for document in self.things.find(query))

    def beside(self, call: Callable[[], Any]) -> Callable[[], None]:
        """Run a call while the caller goes on; return what waits for its end."""
        raise NotImplementedError

    def lose_commit(self, document: Document, *, is_heard: bool) -> PyMongoError:
        """Insert a thing in a transaction and lose its commit, or only the answer to that.

        Return the error of the commit.
        """
        raise NotImplementedError

    def lose_write(self, document: Document, *, is_heard: bool) -> PyMongoError:
        """Insert a thing and lose the write, or only its answer; return the error."""
        raise NotImplementedError


class _Fated(SimulatedMongo):
    """The simulation's database, with the fate of the next write chosen."""

    next_fate = "done"

    def fate(self) -> str:
        fate, self.next_fate = self.next_fate, "done"
        return fate


class SimulatedStore(StoreUnderTest):
    """The simulation's database, with nothing running in its world."""

    def __init__(self) -> None:
        self.fated = _Fated(World(1, crash_rate=0.0))
        super().__init__(self.fated)

    def beside(self, call: Callable[[], Any]) -> Callable[[], None]:
        # It never makes a writer wait, so there is no need for a thread.
        call()
        return lambda: None

    def lose_commit(self, document: Document, *, is_heard: bool) -> PyMongoError:
        def work(session: Any) -> None:
            self.things.insert_one(document, session=session)
            self.fated.next_fate = "unheard" if is_heard else "lost"

        with pytest.raises(PyMongoError) as failed:
            self.fated.client.start_session().with_transaction(work)
        return failed.value

    def lose_write(self, document: Document, *, is_heard: bool) -> PyMongoError:
        self.fated.next_fate = "unheard" if is_heard else "lost"
        with pytest.raises(PyMongoError) as failed:
            self.things.insert_one(document)
        return failed.value


class RealStore(StoreUnderTest):
    """A real database, emptied of what the contract uses.

    Args:
        uri: where it is.
    """

    def __init__(self, uri: str) -> None:
        (self._node,) = parse_uri(uri)["nodelist"]
        self._connection = Mongo(uri, 5000)
        for name in (DATABASE, database_name(INSTITUTION)):
            drop(self._connection, name)
        declare(self._connection.database(database_name(INSTITUTION)))
        super().__init__(self._connection)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def beside(self, call: Callable[[], Any]) -> Callable[[], None]:
        thread = Thread(target=call)
        thread.start()

        def wait() -> None:
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive(), "the call beside did not end"

        return wait

    @contextmanager
    def _cut(self, at: bytes, *, is_heard: bool) -> Iterator[Mongo]:
        with cut_way(self._node, at, is_heard=is_heard) as port:
            address = f"mongodb://127.0.0.1:{port}/?directConnection=true"
            with closing(Mongo(address, SERVER_MS)) as mongo:
                yield mongo

    def lose_commit(self, document: Document, *, is_heard: bool) -> PyMongoError:
        with (
            self._cut(b"commitTransaction", is_heard=is_heard) as mongo,
            mongo.client.start_session() as session,
        ):
            session.start_transaction(SNAPSHOT)
            mongo.database(DATABASE)["things"].insert_one(document, session=session)
            # Not by `with_transaction`, which repeats it for two minutes.
            with pytest.raises(PyMongoError) as failed:
                session.commit_transaction()
            ended = [{"id": session.session_id["id"]}]
        # A transaction whose commit never came would hold its documents for a minute.
        self._connection.client.admin.command({"killSessions": ended})
        return failed.value

    def lose_write(self, document: Document, *, is_heard: bool) -> PyMongoError:
        with (
            self._cut(b"insert", is_heard=is_heard) as mongo,
            pytest.raises(PyMongoError) as failed,
        ):
            mongo.database(DATABASE)["things"].insert_one(document)
        return failed.value
