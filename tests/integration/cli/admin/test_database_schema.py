"""Indexes and data migrations on a real database: once, in order, under a lock, repeatable."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import mongoengine
import pytest

from services.cli.admin import database_schema
from services.cli.backups import restore
from services.cli.errors import Failure
from services.kernel import mongo as kernel_mongo
from services.kernel.mongo import Mongo
from services.kpi import schema as kpi_schema
from tests.conftest import RunningDatabase


class ThingDocument(mongoengine.Document):
    meta = {"collection": "things", "auto_create_index": False, "indexes": ["size"]}
    size = mongoengine.IntField()


@dataclass
class Release:
    """A service's schema as one release declares it."""

    MIGRATIONS: list[Callable[[Any], None]] = field(default_factory=list)
    DOCUMENTS: tuple[Any, ...] = (ThingDocument,)
    DERIVED: frozenset[str] = frozenset()

    def databases(self, institutions: Any) -> list[str]:
        return ["things"]

    def declare(self, database: Any) -> None:
        kernel_mongo.declare(database, self.DOCUMENTS, len(self.MIGRATIONS))

    def restored(self, database: Any) -> None:
        raise AssertionError


@pytest.fixture
def database(mongo: RunningDatabase, database_name: str) -> Iterator[Any]:
    connection = Mongo(mongo.uri, 5000)
    yield connection.database(database_name)
    restore.drop(connection, database_name)
    connection.close()


def double(database: Any) -> None:
    """Sizes are counted in halves from now on; may run twice."""
    database.things.update_many({"halves": None}, [{"$set": {"halves": True}}])
    for thing in list(database.things.find({"doubled": None})):
        change = {"$set": {"size": 2 * thing["size"], "doubled": True}}
        database.things.update_one({"_id": thing["_id"], "doubled": None}, change)


def add_one(database: Any) -> None:
    for thing in list(database.things.find({"added": None})):
        change = {"$set": {"size": thing["size"] + 1, "added": True}}
        database.things.update_one({"_id": thing["_id"], "added": None}, change)


def sizes(database: Any) -> list[int]:
    return [thing["size"] for thing in database.things.find().sort("_id", 1)]


def filled(database: Any) -> None:
    """A database of the first release, with data."""
    Release().declare(database)
    database.things.insert_many([{"_id": n, "size": n} for n in range(3)])


def run(database: Any, release: database_schema.Schema) -> list[str]:
    said: list[str] = []
    assert database_schema.apply(release, database, said.append) == []
    return [text.rsplit(" ", 1)[-1] for text in said]


def test_migrations_run_once_in_order_and_a_plan_changes_nothing(database: Any) -> None:
    filled(database)
    release = Release([double, add_one])
    planned = [(each.aspect, each.name) for each in database_schema.plan(release, database)]
    assert planned == [("migration", "double"), ("migration", "add_one")]
    assert sizes(database) == [0, 1, 2]
    assert run(database, release) == ["double", "add_one"]
    assert sizes(database) == [1, 3, 5]
    assert database_schema.plan(release, database) == []
    assert run(database, release) == []
    assert sizes(database) == [1, 3, 5]


def test_a_new_database_needs_no_migration(database: Any) -> None:
    release = Release([double, add_one])
    planned = [(each.aspect, each.name) for each in database_schema.plan(release, database)]
    assert planned == [("index", "things(size 1)")]
    assert run(database, release) == []
    assert database_schema.version_of(database) == 2
    assert database_schema.plan(release, database) == []


def test_a_database_that_stayed_empty_over_a_release_needs_no_migration(database: Any) -> None:
    Release().declare(database)
    assert run(database, Release([double])) == []
    Release([double]).declare(database)


def test_a_service_does_not_start_before_the_migrations_ran(database: Any) -> None:
    filled(database)
    release = Release([double])
    with pytest.raises(RuntimeError, match="schema 0 is not 1: `kieng db apply`"):
        release.declare(database)
    run(database, release)
    release.declare(database)
    Release().declare(database)  # the release before may go on beside it


def test_a_migration_that_was_cut_off_is_repeated(database: Any) -> None:
    filled(database)

    def breaks(database: Any) -> None:
        add_one(database)
        raise ConnectionError("cut off")

    with pytest.raises(ConnectionError):
        database_schema.apply(Release([double, breaks]), database, lambda text: None)
    assert database_schema.version_of(database) == 1
    assert run(database, Release([double, add_one])) == ["add_one"]
    assert sizes(database) == [1, 3, 5]


def test_two_at_a_time_run_every_migration_once(database: Any) -> None:
    filled(database)
    ran: list[str] = []

    def counted(database: Any) -> None:
        ran.append("counted")
        add_one(database)

    found: list[Any] = []

    def applied() -> None:
        found.append(database_schema.apply(Release([counted]), database, lambda text: None))

    threads = [threading.Thread(target=applied) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ran, found) == (["counted"], [[], [], []])


def test_a_held_lock_refuses_and_names_its_holder(database: Any) -> None:
    with database_schema.lock(database), pytest.raises(Failure, match="is locked by "):
        database_schema.lock(database, wait_seconds=0.1).__enter__()
    with database_schema.lock(database, wait_seconds=0.1):
        pass


def test_the_lock_of_a_dead_process_is_taken_over(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_schema, "LOCK_SECONDS", 0.3)
    assert database_schema._take(database.schema, "dead")
    with database_schema.lock(database, wait_seconds=5.0):
        assert database.schema.find_one({"_id": "lock"})["holder"] != "dead"


def test_an_index_that_nobody_declares_is_told_and_left(database: Any) -> None:
    filled(database)
    database.things.create_index("colour")
    left = database_schema.apply(Release(), database, lambda text: None)
    assert [str(each) for each in left] == [f"{database.name}: unknown index things(colour 1)"]


def test_a_database_that_is_half_restored_stays_closed(database: Any) -> None:
    filled(database)
    database_schema.set_version(database, database_schema.RESTORING)
    with pytest.raises(RuntimeError, match="schema -1 is not 0"):
        Release().declare(database)
    left = database_schema.apply(Release([double]), database, lambda text: None)
    assert [each.aspect for each in left] == ["restore"]
    assert sizes(database) == [0, 1, 2]


def test_every_service_declares_what_the_commands_need(database: Any) -> None:
    for schema, _ in database_schema.databases(["a"]):
        scratch = SimpleNamespace(
            DOCUMENTS=schema.DOCUMENTS, MIGRATIONS=schema.MIGRATIONS, declare=schema.declare
        )
        assert {each.aspect for each in database_schema.plan(scratch, database)} <= {
            "index",
            "unknown index",
        }
        database_schema.apply(scratch, database, lambda text: None)
        assert {each.aspect for each in database_schema.plan(scratch, database)} <= {
            "unknown index"
        }


def test_parked_records_of_the_first_release_get_their_place(database: Any) -> None:
    database.parked.create_index("v")
    database.parked.insert_one({"_id": "g1-c1-f1|2|17", "v": "g1-c1-f1", "reason": "r"})
    assert run(database, kpi_schema) == ["place_parked_records", "number_partitions"]
    found = database.parked.find_one()
    assert (found["p"], found["o"], found["open"]) == (2, 17, True)
    assert database_schema.plan(kpi_schema, database) == []


def test_views_of_former_releases_get_the_number_of_their_partitions(database: Any) -> None:
    """Of one generation the view that has folded most partitions says it; a known number stays."""
    views = {"g1-c1-f1": 1, "g2-c1-f1": 2, "g2-c2-f1": 2, "g3-c2-f2": 3, "g4-c2-f2": 4}
    known = {"g3-c2-f2": {"partitions": 6}}
    for view_id, generation in views.items():
        database.views.insert_one(
            {"_id": view_id, "generation": generation, **known.get(view_id, {})}
        )
    database.cells.insert_one({"_id": "g1-c1-f1|0|root|1"})
    places = [("g1-c1-f1", 0), *(("g2-c1-f1", p) for p in range(3)), ("g2-c2-f1", 1)]
    database.progress.insert_many({"_id": f"{v}|{p}", "v": v, "p": p} for v, p in places)
    assert "number_partitions" in run(database, kpi_schema)
    found = {view["_id"]: view["partitions"] for view in database.views.find({})}
    # A view that has folded nothing learns it when its first partition is claimed.
    assert list(found.values()) == [1, 3, 3, 6, 0]
