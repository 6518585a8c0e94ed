"""What the stores ask of a transaction: all or nothing, one snapshot, no lost update."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from pymongo import InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure, PyMongoError

from services.kpi.store.transactions import transaction
from tests.contract.stores import StoreUnderTest

DUPLICATE_KEY = 11000
WRITE_CONFLICT = 112
TRANSIENT = "TransientTransactionError"


class Refused(Exception):
    """An error of the caller's own."""


def test_a_transaction_writes_everything_and_returns_what_its_work_returns(
    store: StoreUnderTest,
) -> None:
    store.fill({"_id": "a", "n": 1})

    def work(session: Any) -> str:
        met = store.things.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)
        assert met.matched_count == 1
        store.things.insert_one({"_id": "b", "n": 1}, session=session)
        writes = [InsertOne({"_id": "c"}), ReplaceOne({"_id": "d"}, {"_id": "d"}, upsert=True)]
        store.others.bulk_write(writes, ordered=False, session=session)
        return "done"

    assert transaction(store.mongo, work) == "done"
    assert store.everything() == [{"_id": "a", "n": 2}, {"_id": "b", "n": 1}]
    assert store.others.count_documents({}) == 2


def test_a_transaction_whose_work_raises_writes_nothing(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 1})

    def work(session: Any) -> None:
        store.things.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)
        store.others.insert_one({"_id": "b"}, session=session)
        raise Refused

    with pytest.raises(Refused):
        transaction(store.mongo, work)
    assert store.everything() == [{"_id": "a", "n": 1}]
    assert store.others.count_documents({}) == 0


def test_a_transaction_reads_what_it_wrote_and_nobody_else_does(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 1}, {"_id": "b", "n": 1})

    def work(session: Any) -> None:
        store.things.update_one({"_id": "a"}, {"$set": {"n": 2}}, session=session)
        store.things.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)
        store.things.insert_one({"_id": "c", "n": 3}, session=session)
        assert store.things.find_one({"_id": "a"}, session=session) == {"_id": "a", "n": 3}
        found = store.things.find({"n": 3}, session=session).sort("_id", 1)
        assert [document["_id"] for document in found] == ["a", "c"]
        some = store.things.find({"_id": {"$in": ["b", "c"]}}, session=session)
        assert sorted(document["_id"] for document in some) == ["b", "c"]
        assert store.ids({"n": 1}) == ["a", "b"]

    transaction(store.mongo, work)
    assert store.ids({"n": 3}) == ["a", "c"]


def test_a_transaction_sees_one_moment_of_all_collections(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 1}, {"_id": "b", "n": 1})

    def work(session: Any) -> None:
        assert store.things.find_one({"_id": "a"}, session=session)["n"] == 1
        store.things.update_many({}, {"$inc": {"n": 1}})
        store.things.insert_one({"_id": "c", "n": 1})
        store.others.insert_one({"_id": "o"})
        assert [d["n"] for d in store.things.find({}, session=session)] == [1, 1]
        assert store.things.find_one({"_id": "c"}, session=session) is None
        assert list(store.others.find({}, session=session)) == []

    transaction(store.mongo, work)
    assert store.ids({"n": 2}) == ["a", "b"]


def test_the_moment_is_that_of_the_first_read(store: StoreUnderTest) -> None:
    def work(session: Any) -> Any:
        if store.things.count_documents({}) == 0:
            store.fill({"_id": "a"})
        return store.things.find_one({"_id": "a"}, session=session)

    assert transaction(store.mongo, work) == {"_id": "a"}


def conflicting(store: StoreUnderTest, write: Any) -> list[PyMongoError]:
    """Run a transaction that reads `a`, of which another one is faster; return what it met."""
    met: list[PyMongoError] = []
    runs = count()

    def work(session: Any) -> None:
        seen = store.things.find_one({"_id": "a"}, session=session)
        if next(runs) == 0:
            transaction(
                store.mongo,
                lambda other: store.things.update_one(
                    {"_id": "a"}, {"$inc": {"n": 1}}, upsert=True, session=other
                ),
            )
        try:
            write(seen, session)
        except PyMongoError as error:
            met.append(error)
            raise

    transaction(store.mongo, work)
    return met


def test_who_writes_what_was_changed_since_it_read_conflicts_and_begins_anew(
    store: StoreUnderTest,
) -> None:
    store.fill({"_id": "a", "n": 1})
    (conflict,) = conflicting(
        store,
        lambda seen, session: store.things.update_one(
            {"_id": "a"}, {"$set": {"n": seen["n"] + 10}}, session=session
        ),
    )
    assert isinstance(conflict, OperationFailure)
    assert conflict.code == WRITE_CONFLICT
    assert conflict.has_error_label(TRANSIENT)
    assert store.everything() == [{"_id": "a", "n": 12}]


def test_a_bulk_conflicts_as_a_single_write_does(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 1})

    def write(seen: Any, session: Any) -> None:
        new = {"_id": "a", "n": seen["n"] + 10}
        store.things.bulk_write([ReplaceOne({"_id": "a"}, new)], ordered=False, session=session)

    (conflict,) = conflicting(store, write)
    assert isinstance(conflict, OperationFailure)
    assert conflict.code == WRITE_CONFLICT
    assert conflict.has_error_label(TRANSIENT)
    assert store.everything() == [{"_id": "a", "n": 12}]


def test_what_was_inserted_since_the_snapshot_conflicts_too(store: StoreUnderTest) -> None:
    def write(seen: Any, session: Any) -> None:
        if seen is None:
            store.things.insert_one({"_id": "a", "n": 7}, session=session)
        else:
            store.things.update_one({"_id": "a"}, {"$inc": {"n": 10}}, session=session)

    (conflict,) = conflicting(store, write)
    assert conflict.has_error_label(TRANSIENT)
    assert store.everything() == [{"_id": "a", "n": 11}]


def test_a_guard_reads_the_snapshot_and_a_miss_is_no_conflict(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 1})
    counts: list[int] = []

    def write(seen: Any, session: Any) -> None:
        guarded = {"_id": "a", "n": 99}
        met = store.things.update_one(guarded, {"$set": {"n": 0}}, session=session)
        counts.append(met.matched_count)
        # It goes on with documents of its own.
        store.things.insert_one({"_id": "b"}, session=session)

    met = conflicting(store, write)
    assert met == []
    assert counts == [0]
    assert store.ids({}) == ["a", "b"]


def test_what_is_only_read_conflicts_with_nobody(store: StoreUnderTest) -> None:
    # Two may each read what the other writes (write skew): who must not, writes what it read.
    store.fill({"_id": "a", "n": 1}, {"_id": "b", "n": 1})
    met = conflicting(
        store,
        lambda seen, session: store.things.update_one(
            {"_id": "b"}, {"$set": {"n": seen["n"]}}, session=session
        ),
    )
    assert met == []
    assert store.everything() == [{"_id": "a", "n": 2}, {"_id": "b", "n": 1}]


def test_no_update_is_lost_whoever_writes_beside_an_open_transaction(
    store: StoreUnderTest,
) -> None:
    # The real one lets the writer wait, the simulated one lets the transaction begin anew.
    store.fill({"_id": "a", "n": 1})
    waiting: list[Any] = []

    def work(session: Any) -> None:
        store.things.update_one({"_id": "a"}, {"$inc": {"n": 10}}, session=session)
        if not waiting:
            beside = store.beside(
                lambda: store.things.update_one({"_id": "a"}, {"$inc": {"n": 100}})
            )
            waiting.append(beside)

    transaction(store.mongo, work)
    waiting[0]()
    assert store.everything() == [{"_id": "a", "n": 111}]


@pytest.mark.parametrize("is_bulk", [False, True])
def test_a_duplicate_ends_the_transaction_with_nothing_written(
    store: StoreUnderTest, is_bulk: bool
) -> None:
    store.fill({"_id": "a", "n": 1})
    runs: list[int] = []

    def work(session: Any) -> None:
        runs.append(1)
        store.things.insert_one({"_id": "b"}, session=session)
        if is_bulk:
            store.things.bulk_write([InsertOne({"_id": "a"})], ordered=False, session=session)
        store.things.insert_one({"_id": "a"}, session=session)

    with pytest.raises((DuplicateKeyError, BulkWriteError)) as refused:
        transaction(store.mongo, work)
    assert isinstance(refused.value, BulkWriteError) == is_bulk
    mistakes = (refused.value.details or {}).get("writeErrors", [{"code": refused.value.code}])
    assert [mistake["code"] for mistake in mistakes] == [DUPLICATE_KEY]
    assert runs == [1]
    assert store.everything() == [{"_id": "a", "n": 1}]


def test_an_upsert_in_a_transaction_makes_a_document_or_changes_it(store: StoreUnderTest) -> None:
    def work(session: Any) -> tuple[int, Any]:
        change = {"$inc": {"epoch": 1}, "$setOnInsert": {"begin": 7}}
        met = store.things.update_one({"_id": "a"}, change, upsert=True, session=session)
        return met.matched_count, store.things.find_one({"_id": "a"}, session=session)

    assert transaction(store.mongo, work) == (0, {"_id": "a", "epoch": 1, "begin": 7})
    assert transaction(store.mongo, work) == (1, {"_id": "a", "epoch": 2, "begin": 7})


def test_a_session_carries_one_transaction_after_the_other(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 0})

    def add(session: Any) -> None:
        store.things.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)

    def fail(session: Any) -> None:
        add(session)
        raise Refused

    with store.mongo.client.start_session() as session:
        transaction(store.mongo, add, session)
        with pytest.raises(Refused):
            transaction(store.mongo, fail, session)
        transaction(store.mongo, add, session)
    assert store.everything() == [{"_id": "a", "n": 2}]


def test_each_session_has_an_id_of_its_own_by_which_another_ends_it(
    store: StoreUnderTest,
) -> None:
    store.fill({"_id": "a", "n": 0})
    client = store.mongo.client
    ended: list[Any] = []
    runs: list[int] = []

    def work(session: Any) -> None:
        runs.append(1)
        store.things.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)
        if not ended:
            ended.append({"id": mine.session_id["id"]})
            client.admin.command({"killSessions": ended})
            # What the ended transaction held is free at once.
            store.things.update_one({"_id": "a"}, {"$inc": {"n": 100}})

    with client.start_session() as mine, client.start_session() as other:
        assert mine.session_id["id"] != other.session_id["id"]
        transaction(store.mongo, work, mine)
    assert len(runs) == 2
    assert store.everything() == [{"_id": "a", "n": 101}]
