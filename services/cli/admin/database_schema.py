"""Compares the databases with what each service declares, and migrates them.

A service's `schema` module names its databases, documents with indexes, and migrations; it is found
by the service's name, as the runner finds the service. Migrations run in order under a lock that
one process holds and renews; each may run twice, so a run that was cut off is repeated.
"""

from __future__ import annotations

import importlib
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, cast

from pymongo.database import Database as MongoDatabase
from pymongo.errors import DuplicateKeyError

from services.cli.errors import DOWN, Failure
from services.kernel.mongo import Mongo

OWNERS = ("submissions", "notifications", "kpi", "partners")
"""Services with databases. What refers to others comes first, see docs/adr on backups."""
LOCK_SECONDS = 30.0
LOCK_WAIT_SECONDS = 120.0
POLL_SECONDS = 0.5
RESTORING = -1
"""Version of a database while it is loaded from a backup: no service starts on it."""

Database = MongoDatabase[dict[str, Any]]
Aspect = Literal["migration", "index", "unknown index", "restore"]


class Schema(Protocol):
    """What a service's `schema` module has."""

    @property
    def DOCUMENTS(self) -> Sequence[Any]:
        """The document classes, with the indexes that they declare."""

    @property
    def MIGRATIONS(self) -> Sequence[Callable[[Database], None]]:
        """What turns each version into the next, oldest first."""

    @property
    def DERIVED(self) -> Collection[str]:
        """Collections that are computed anew instead of being loaded from a backup."""

    def databases(self, institutions: Sequence[str]) -> list[str]:
        """Return the names of the databases."""

    def declare(self, database: Database) -> None:
        """Create the indexes that are missing."""

    def restored(self, database: Database) -> None:
        """Make loaded data ready for a new log."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a database is not as its service declares it."""

    database: str
    aspect: Aspect
    name: str

    @property
    def is_repaired_by_apply(self) -> bool:
        """Whether `kieng db apply` removes the difference."""
        return self.aspect in {"migration", "index"}

    def __str__(self) -> str:
        """Return it as one readable line."""
        return f"{self.database}: {self.aspect} {self.name}"


def schema_of(owner: str) -> Schema:
    """Return what a service declares."""
    return cast(Schema, importlib.import_module(f"services.{owner}.schema"))


def databases(institutions: Sequence[str]) -> Iterator[tuple[Schema, str]]:
    """Yield every database's schema and name."""
    for owner in OWNERS:
        schema = schema_of(owner)
        for name in schema.databases(institutions):
            yield schema, name


def version_of(database: Database) -> int:
    """Return how many migrations a database has behind it; `RESTORING` in between."""
    return int((database["schema"].find_one({"_id": "version"}) or {}).get("version", 0))


def is_new(schema: Schema, database: Database) -> bool:
    """Tell whether a database holds nothing that a service wrote."""
    names = [kind._meta["collection"] for kind in schema.DOCUMENTS]
    return not any(database[name].find_one() for name in names)


def plan(schema: Schema, database: Database) -> list[Difference]:
    """Return where a database differs from its schema; changes nothing."""
    version = version_of(database)
    if version == RESTORING:
        return [Difference(database.name, "restore", "was cut off: repeat `kieng backup restore`")]
    done = len(schema.MIGRATIONS) if is_new(schema, database) else version
    differences = [
        Difference(database.name, "migration", migration.__name__)
        for migration in schema.MIGRATIONS[done:]
    ]
    for kind in schema.DOCUMENTS:
        collection = kind._meta["collection"]
        wanted = {_index(spec["fields"]) for spec in kind._meta["index_specs"]}
        information = database[collection].index_information()
        found = {_index(each["key"]) for name, each in information.items() if name != "_id_"}
        for aspect, names in (("index", wanted - found), ("unknown index", found - wanted)):
            differences += [
                Difference(database.name, cast(Aspect, aspect), f"{collection}({name})")
                for name in sorted(names)
            ]
    return differences


def _index(keys: Sequence[tuple[str, Any]]) -> str:
    return ", ".join(f"{name} {direction}" for name, direction in keys)


def apply(schema: Schema, database: Database, say: Callable[[str], None]) -> list[Difference]:
    """Run what is pending, under the lock; return the differences that stay. Safe to repeat.

    Args:
        schema: what the service declares.
        database: where.
        say: called with the name of each migration before it runs.

    Raises:
        Failure: another process holds the lock for too long.
    """
    with lock(database):
        if version_of(database) == RESTORING:
            return plan(schema, database)
        if is_new(schema, database):
            set_version(database, len(schema.MIGRATIONS))
        else:
            for migration in schema.MIGRATIONS[version_of(database) :]:
                say(f"{database.name}: {migration.__name__}")
                migration(database)
                _note(database, version_of(database) + 1, migration.__name__)
        schema.declare(database)
        return plan(schema, database)


def _note(database: Database, version: int, name: str) -> None:
    done = {"name": name, "applied_at": datetime.now(UTC)}
    database["schema"].update_one({"_id": f"migration {version}"}, {"$set": done}, upsert=True)
    set_version(database, version)


def set_version(database: Database, version: int) -> None:
    """Note how many migrations a database has behind it."""
    change = {"$set": {"version": version}}
    database["schema"].update_one({"_id": "version"}, change, upsert=True)


@contextmanager
def lock(database: Database, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold a database's lock; a holder that died gives it up after `LOCK_SECONDS`.

    Raises:
        Failure: somebody else holds it all the time.
    """
    me = f"{socket.gethostname()}/{threading.get_native_id()}/{time.monotonic_ns()}"
    locks = database["schema"]
    deadline = time.monotonic() + wait_seconds
    while not _take(locks, me):
        if time.monotonic() > deadline:
            holder = (locks.find_one({"_id": "lock"}) or {}).get("holder", "nobody")
            raise Failure(f"{database.name} is locked by {holder}: wait for it and repeat", DOWN)
        time.sleep(POLL_SECONDS)
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(LOCK_SECONDS / 3):
            locks.update_one({"_id": "lock", "holder": me}, {"$set": {"until": _until()}})

    renewal = threading.Thread(target=renew, name="lock", daemon=True)
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        renewal.join()
        locks.update_one({"_id": "lock", "holder": me}, {"$set": {"until": datetime.now(UTC)}})


def _take(locks: Any, me: str) -> bool:
    try:
        locks.insert_one({"_id": "lock", "holder": me, "until": _until()})
        return True
    except DuplicateKeyError:
        free = {"_id": "lock", "until": {"$lte": datetime.now(UTC)}}
        change = {"$set": {"holder": me, "until": _until()}}
        return bool(locks.update_one(free, change).matched_count)


def _until() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=LOCK_SECONDS)


def institutions_known(mongo: Mongo, named: Sequence[str]) -> list[str]:
    """Return the institutions named, and those that have a database already."""
    prefix = schema_of("submissions").databases([""])[0]
    found = [name for name in mongo.client.list_database_names() if name.startswith(prefix)]
    return list(dict.fromkeys([*named, *sorted(name.removeprefix(prefix) for name in found)]))
