"""Compares the databases with the schemas that services declare, and migrates them.

The module `schema` of a service declares its databases, documents with indexes, and migrations.
Migrations run in order, under a lock that one process holds and renews. They are idempotent, so an
interrupted run is simply repeated.
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
"""Services with databases, those that refer to data of others first; see ADR 0011 on backups."""
LOCK_SECONDS = 30.0
LOCK_WAIT_SECONDS = 120.0
POLL_SECONDS = 0.5
RESTORING = -1
"""Schema version of a database while a backup is loaded; no service starts with this version."""

Database = MongoDatabase[dict[str, Any]]
Aspect = Literal["migration", "index", "unknown index", "restore"]


class Schema(Protocol):
    """What the module `schema` of each service defines."""

    @property
    def DOCUMENTS(self) -> Sequence[Any]:
        """The document classes, which declare the indexes."""

    @property
    def MIGRATIONS(self) -> Sequence[Callable[[Database], None]]:
        """Functions that migrate a database from one schema version to the next, oldest first."""

    @property
    def DERIVED(self) -> Collection[str]:
        """Names of collections that a backup omits because they are computed from others."""

    def databases(self, institutions: Sequence[str]) -> list[str]:
        """Return the names of the service's databases: one per institution, or one for all."""

    def declare(self, database: Database) -> None:
        """Create the missing indexes of a database, and leave the others as they are."""

    def restored(self, database: Database) -> None:
        """Adapt a database that was loaded from a backup to the log, which is published anew."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference between a database and the schema that its service declares.

    ``name`` is the name of the migration or index; for the aspect "restore" it says what is wrong.
    """

    database: str
    aspect: Aspect
    name: str

    @property
    def is_repaired_by_apply(self) -> bool:
        """Whether `kieng db apply` removes the difference."""
        return self.aspect in {"migration", "index"}

    def __str__(self) -> str:
        """Return the difference as one line, e.g. `kieng_kpi: index views(state 1)`."""
        return f"{self.database}: {self.aspect} {self.name}"


def schema_of(owner: str) -> Schema:
    """Return the schema that a service declares; ``owner`` is its name, one of `OWNERS`."""
    return cast(Schema, importlib.import_module(f"services.{owner}.schema"))


def databases(institutions: Sequence[str]) -> Iterator[tuple[Schema, str]]:
    """Yield schema and name of every database of the platform for these institutions."""
    for owner in OWNERS:
        schema = schema_of(owner)
        for name in schema.databases(institutions):
            yield schema, name


def version_of(database: Database) -> int:
    """Return the schema version of a database: the number of migrations done, or `RESTORING`."""
    return int((database["schema"].find_one({"_id": "version"}) or {}).get("version", 0))


def is_new(schema: Schema, database: Database) -> bool:
    """Return True if all collections of the schema are empty, so that no migration is needed."""
    names = [kind._meta["collection"] for kind in schema.DOCUMENTS]
    return not any(database[name].find_one() for name in names)


def plan(schema: Schema, database: Database) -> list[Difference]:
    """Return the differences between a database and its schema, without changing anything.

    They are the migrations that have not run, in order, then the missing and the unknown indexes of
    each collection. A database without documents needs no migrations. One whose restore was
    interrupted has the single difference "restore".
    """
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
    """Run pending migrations and create missing indexes; return the differences that remain.

    See `prepare`, which does not look for differences.

    Args:
        schema: schema that the service declares.
        database: database to change.
        say: called before each migration with a line that names it.

    Raises:
        Failure: another process holds the lock for too long.
    """
    prepare(schema, database, say)
    return plan(schema, database)


def prepare(schema: Schema, database: Database, say: Callable[[str], None]) -> None:
    """Run pending migrations and create missing indexes.

    Safe to repeat, also concurrently, because it holds the lock of the database. A database whose
    restore was interrupted is not changed.

    Args:
        schema: schema that the service declares.
        database: database to change.
        say: called before each migration with a line that names it.

    Raises:
        Failure: another process holds the lock for too long.
    """
    with lock(database):
        if version_of(database) == RESTORING:
            return
        if is_new(schema, database):
            set_version(database, len(schema.MIGRATIONS))
        else:
            for migration in schema.MIGRATIONS[version_of(database) :]:
                say(f"{database.name}: {migration.__name__}")
                migration(database)
                _note(database, version_of(database) + 1, migration.__name__)
        schema.declare(database)


def _note(database: Database, version: int, name: str) -> None:
    done = {"name": name, "applied_at": datetime.now(UTC)}
    database["schema"].update_one({"_id": f"migration {version}"}, {"$set": done}, upsert=True)
    set_version(database, version)


def set_version(database: Database, version: int) -> None:
    """Store the schema version: the number of migrations done, or `RESTORING`; runs none."""
    change = {"$set": {"version": version}}
    database["schema"].update_one({"_id": "version"}, change, upsert=True)


@contextmanager
def lock(database: Database, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold the lock of a database during the `with` block, renewing it regularly.

    The lock of a process that died expires after `LOCK_SECONDS`.

    Raises:
        Failure: another process held the lock for all of ``wait_seconds``.
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
    """Return the named institutions, then, sorted, the others that have a submissions database."""
    prefix = schema_of("submissions").databases([""])[0]
    found = [name for name in mongo.client.list_database_names() if name.startswith(prefix)]
    return list(dict.fromkeys([*named, *sorted(name.removeprefix(prefix) for name in found)]))
