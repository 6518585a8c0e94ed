"""The databases under the contract: that of the simulation, and the one that services run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE
from services.submissions.schema import database_name, declare
from tests.simulation.database import SimulatedMongo
from tests.simulation.world import World

Document = dict[str, Any]
INSTITUTION = "contract"
WAIT_SECONDS = 30.0


class StoreUnderTest:
    """One database behind the interface that the stores of the services use.

    Args:
        mongo: a `Mongo`, or what the simulation puts in its place.
        beside: runs a call while the caller goes on, and returns what waits for its end.
    """

    def __init__(
        self, mongo: Any, beside: Callable[[Callable[[], Any]], Callable[[], None]]
    ) -> None:
        self.mongo = mongo
        self.beside = beside
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


def simulated() -> StoreUnderTest:
    """Return the simulation's database, with nothing running in its world."""

    def beside(call: Callable[[], Any]) -> Callable[[], None]:
        # It never makes a writer wait, so there is no need for a thread.
        call()
        return lambda: None

    return StoreUnderTest(SimulatedMongo(World(1, crash_rate=0.0)), beside)


@contextmanager
def real(uri: str) -> Iterator[StoreUnderTest]:
    """Connect to a real database and empty what the contract uses."""
    mongo = Mongo(uri, 5000)
    for name in (DATABASE, database_name(INSTITUTION)):
        mongo.client.drop_database(name)
    declare(mongo.database(database_name(INSTITUTION)))
    yield StoreUnderTest(mongo, _in_a_thread)
    mongo.close()


def _in_a_thread(call: Callable[[], Any]) -> Callable[[], None]:
    thread = Thread(target=call)
    thread.start()

    def wait() -> None:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive(), "the call beside did not end"

    return wait
