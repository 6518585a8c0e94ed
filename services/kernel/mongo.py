"""The connection to MongoDB: one client per process, whose writes the majority acknowledges."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import pymongo
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, SharedExtension
from pymongo import IndexModel, MongoClient, errors
from pymongo.database import Database

from services.kernel import metrics
from services.kernel.mongo_features import need_features

OPTIONS = {"w": "majority", "journal": True, "tz_aware": True, "uuidRepresentation": "standard"}
# Without a timeout a call may wait forever, e.g. for locks of a dead client's transaction.
SOCKET_TIMEOUT_MS = 30_000

DOWN = (
    errors.AutoReconnect,
    errors.ExecutionTimeout,
    errors.WaitQueueTimeoutError,
    errors.WTimeoutError,
)
"""Exceptions raised if the database is unreachable or too slow; the same call may be retried."""

SICK = {1, 14031}
"""Error codes of a database that is reachable but broken (InternalError) or whose disk is full."""


def within(seconds: float) -> AbstractContextManager[None]:
    """Limit the total time of all database operations in the block, on the calling thread.

    Args:
        seconds: the limit; an operation that exceeds it fails with a timeout.
    """
    return pymongo.timeout(max(seconds, 0.001))


class Mongo:
    """The MongoDB client of this process. Thread-safe; lives as long as the process.

    Args:
        uri: connection string of the replica set.
        timeout_ms: maximum wait for a server that accepts the operation.
    """

    def __init__(self, uri: str, timeout_ms: int) -> None:
        self.uri = uri
        limits = {"serverSelectionTimeoutMS": timeout_ms, "socketTimeoutMS": SOCKET_TIMEOUT_MS}
        self._options: dict[str, Any] = {**OPTIONS, **limits}
        self.client: MongoClient[dict[str, Any]] = MongoClient(uri, **self._options)
        metrics.MONGO_BUSY.set_function(self.connections_busy)
        metrics.MONGO_LIMIT.set(self.client.options.pool_options.max_pool_size)

    def connections_busy(self) -> int:
        """Return how many connections to MongoDB are in use at the moment."""
        # Read from pymongo's internals, because a pool listener would slow down every call.
        servers: Any = self.client._topology._servers
        return sum(server.pool.active_sockets for server in list(servers.values()))

    def database(self, name: str) -> Database[dict[str, Any]]:
        """Return the database of this name, which may not exist yet.

        The majority of the replica set acknowledges its writes.
        """
        return self.client.get_database(name)

    def close(self) -> None:
        """Close all MongoDB connections."""
        self.client.close()


def declare(database: Database[dict[str, Any]], documents: Sequence[Any], version: int) -> None:
    """Prepare a service's database: check its features and schema version, and create indexes.

    An empty database is given the schema version.

    Args:
        database: the database of the service.
        documents: mongoengine document classes whose indexes are created if missing.
        version: schema version that this release expects.

    Raises:
        NotReady: the database lacks a feature that the services need.
        RuntimeError: the data have the schema of an older release, or were only partly restored.
    """
    need_features(database)
    state = database["schema"]
    is_known = bool(state.find_one({"_id": "version"}))
    if not (is_known or any(database[kind._meta["collection"]].find_one() for kind in documents)):
        state.update_one({"_id": "version"}, {"$setOnInsert": {"version": version}}, upsert=True)
    if (found := (state.find_one({"_id": "version"}) or {}).get("version", 0)) < version:
        raise RuntimeError(f"{database.name}: schema {found} is not {version}: `kieng db apply`")
    for kind in documents:
        given = [dict(spec) for spec in kind._meta["index_specs"]]
        if indexes := [IndexModel(spec.pop("fields"), **spec) for spec in given]:
            database[kind._meta["collection"]].create_indexes(indexes)


class MongoConnection(SharedExtension):
    """Holds the process's one `Mongo`; providers of stores declare it as an attribute."""

    @cached_property
    def mongo(self) -> Mongo:
        """The process's MongoDB client, the same at every use.

        It is created on first use, because extensions are set up in any order.
        """
        settings = self.container.settings
        return Mongo(settings.mongo_uri, settings.mongo_timeout_ms)

    def stop(self) -> None:
        """Close the MongoDB client."""
        self.mongo.close()


class Store(DependencyProvider):
    """Injects a service's store, which a subclass creates in ``make``.

    There is one store per process. It is created before entrypoints start and shared by all
    workers, so it must be thread-safe.
    """

    connection = MongoConnection()

    make: Any
    """Returns the store for a `Mongo`, after creating its indexes; implemented by the subclass."""

    def setup(self) -> None:
        """Create the store. nameko calls this before any entrypoint starts."""
        self.store = self.make(self.connection.mongo)

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return the store; every worker gets the same one."""
        return self.store
