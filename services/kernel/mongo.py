"""The connection to MongoDB: majority writes, one client per process."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import pymongo
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, SharedExtension
from pymongo import MongoClient, errors
from pymongo.database import Database

from services.kernel import metrics
from services.kernel.mongo_features import need_features

OPTIONS = {"w": "majority", "journal": True, "tz_aware": True, "uuidRepresentation": "standard"}
# Without it a call may wait indefinitely, e.g. for locks of a dead client's transaction.
SOCKET_TIMEOUT_MS = 30_000

DOWN = (
    errors.AutoReconnect,
    errors.ExecutionTimeout,
    errors.WaitQueueTimeoutError,
    errors.WTimeoutError,
)
"""Errors of a database that is unreachable or too slow; the same call may be retried."""

SICK = {1, 14031}
"""Codes of a reachable database that is broken (InternalError) or whose disk is full."""


def within(seconds: float) -> AbstractContextManager[None]:
    """Bound the time that all database operations of a block, of this thread, take together.

    Args:
        seconds: maximum time; an operation that it leaves no time fails as timed out.
    """
    return pymongo.timeout(max(seconds, 0.001))


class Mongo:
    """The MongoDB client of this process. Thread-safe; lives as long as the process.

    Args:
        uri: address of the replica set.
        timeout_ms: maximum wait for a server.
    """

    def __init__(self, uri: str, timeout_ms: int) -> None:
        self.uri = uri
        limits = {"serverSelectionTimeoutMS": timeout_ms, "socketTimeoutMS": SOCKET_TIMEOUT_MS}
        self._options: dict[str, Any] = {**OPTIONS, **limits}
        self.client: MongoClient[dict[str, Any]] = MongoClient(uri, **self._options)
        metrics.MONGO_BUSY.set_function(self.connections_busy)
        metrics.MONGO_LIMIT.set(self.client.options.pool_options.max_pool_size)

    def connections_busy(self) -> int:
        """Return how many MongoDB connections are in use now."""
        # From pymongo's internals, because a pool listener would slow down every call.
        servers: Any = self.client._topology._servers
        return sum(server.pool.active_sockets for server in list(servers.values()))

    def database(self, name: str) -> Database[dict[str, Any]]:
        """Return a database whose writes are acknowledged by the majority."""
        return self.client.get_database(name)

    def close(self) -> None:
        """Close all MongoDB connections."""
        self.client.close()


def declare(database: Database[dict[str, Any]], documents: Sequence[Any], version: int) -> None:
    """Create missing indexes of document classes; set the schema version of a new database.

    Raises:
        NotReady: the database lacks what the services need.
        RuntimeError: the data are those of an older release, or half restored.
    """
    need_features(database)
    state = database["schema"]
    if not any(database[kind._meta["collection"]].find_one() for kind in documents):
        state.update_one({"_id": "version"}, {"$setOnInsert": {"version": version}}, upsert=True)
    if (found := (state.find_one({"_id": "version"}) or {}).get("version", 0)) < version:
        raise RuntimeError(f"{database.name}: schema {found} is not {version}: `kieng db apply`")
    for kind in documents:
        for spec in kind._meta["index_specs"]:
            index = {"keys" if name == "fields" else name: said for name, said in spec.items()}
            database[kind._meta["collection"]].create_index(**index)


class MongoConnection(SharedExtension):
    """Provider of the process's one `Mongo`; providers of stores declare it as a part."""

    @cached_property
    def mongo(self) -> Mongo:
        """The MongoDB client, created on first use, as extensions are set up in any order."""
        settings = self.container.settings
        return Mongo(settings.mongo_uri, settings.mongo_timeout_ms)

    def stop(self) -> None:
        """Close the MongoDB client."""
        self.mongo.close()


class Store(DependencyProvider):
    """Provider of a service's store; a subclass defines how it is created.

    Lifetime: one store per process, created in ``setup`` before entrypoints start, shared by all
    workers; it must be thread-safe.
    """

    connection = MongoConnection()

    make: Any
    """Declares the indexes and returns the store of a `Mongo`; implemented by the subclass."""

    def setup(self) -> None:
        """Create the store; every entrypoint starts later."""
        self.store = self.make(self.connection.mongo)

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return the service's store."""
        return self.store
