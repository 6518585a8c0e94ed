"""What the stores ask of a database outside transactions: guarded updates, unique keys, bulks."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from tests.contract.stores import StoreUnderTest

DUPLICATE_KEY = 11000


def test_an_id_is_inserted_once(store: StoreUnderTest) -> None:
    store.things.insert_one({"_id": "x", "n": 1})
    with pytest.raises(DuplicateKeyError) as refused:
        store.things.insert_one({"_id": "x", "n": 2})
    assert refused.value.code == DUPLICATE_KEY
    assert store.everything() == [{"_id": "x", "n": 1}]


def test_a_name_is_inserted_once(store: StoreUnderTest) -> None:
    store.named.insert_one({"_id": "x", "names": ["one", "two"]})
    store.named.insert_one({"_id": "y", "names": ["three"]})
    with pytest.raises(DuplicateKeyError) as refused:
        store.named.insert_one({"_id": "z", "names": ["four", "two"]})
    assert refused.value.code == DUPLICATE_KEY
    assert store.named.count_documents({}) == 2


def test_a_guarded_update_changes_only_what_its_guard_meets(store: StoreUnderTest) -> None:
    store.fill({"_id": "x", "version": 1}, {"_id": "y", "version": 1})
    change = {"$set": {"version": 2, "by": "me"}}
    missed = store.things.update_one({"_id": "x", "version": 7}, change)
    assert missed.matched_count == 0
    met = store.things.update_one({"_id": "x", "version": 1}, change)
    assert met.matched_count == 1
    again = store.things.update_one({"_id": "x", "version": 1}, change)
    assert again.matched_count == 0
    assert store.everything() == [
        {"_id": "x", "version": 2, "by": "me"},
        {"_id": "y", "version": 1},
    ]


def test_an_update_meets_one_document_and_an_update_of_many_all(store: StoreUnderTest) -> None:
    store.fill(*({"_id": name, "v": name < "c", "n": 0} for name in "abcd"))
    assert store.things.update_one({"v": True}, {"$inc": {"n": 1}}).matched_count == 1
    assert sum(document["n"] for document in store.everything()) == 1
    assert store.things.update_many({"v": True}, {"$set": {"n": 5}}).matched_count == 2
    assert store.things.update_many({"v": "no"}, {"$set": {"n": 9}}).matched_count == 0
    assert [document["n"] for document in store.everything()] == [5, 5, 0, 0]


def test_an_upsert_makes_a_document_once(store: StoreUnderTest) -> None:
    change = {"$inc": {"epoch": 1}, "$set": {"by": "me"}, "$setOnInsert": {"begin": 7}}
    assert store.things.update_one({"_id": "x"}, change, upsert=True).matched_count == 0
    assert store.everything() == [{"_id": "x", "epoch": 1, "by": "me", "begin": 7}]
    store.things.update_one({"_id": "x"}, {"$set": {"begin": 8}})
    assert store.things.update_one({"_id": "x"}, change, upsert=True).matched_count == 1
    assert store.everything() == [{"_id": "x", "epoch": 2, "by": "me", "begin": 8}]


def test_an_upsert_whose_guard_misses_does_not_write_over_the_document(
    store: StoreUnderTest,
) -> None:
    store.fill({"_id": "x", "epoch": 1})
    with pytest.raises(DuplicateKeyError) as refused:
        store.things.update_one({"_id": "x", "epoch": 7}, {"$set": {"by": "me"}}, upsert=True)
    assert refused.value.code == DUPLICATE_KEY
    assert store.everything() == [{"_id": "x", "epoch": 1}]


def test_an_upsert_takes_over_what_its_query_says(store: StoreUnderTest) -> None:
    store.things.update_one({"_id": "x", "kind": "k"}, {"$set": {"n": 1}}, upsert=True)
    assert store.everything() == [{"_id": "x", "kind": "k", "n": 1}]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({}, {"$set": {"a.b.c": 1}}, {"a": {"b": {"c": 1}}}),
        ({"a": {"x": 1}}, {"$set": {"a.b": 2}}, {"a": {"x": 1, "b": 2}}),
        ({"a": {"x": 1, "y": 2}}, {"$unset": {"a.x": ""}}, {"a": {"y": 2}}),
        ({"a": 1}, {"$unset": {"b": ""}}, {"a": 1}),
        ({"a": 1}, {"$unset": {"b.c": ""}}, {"a": 1}),
        ({"a": 1}, {"$inc": {"a": 2, "b": 3}}, {"a": 3, "b": 3}),
        ({"a": {"n": 1}}, {"$inc": {"a.n": 2}}, {"a": {"n": 3}}),
        ({}, {"$push": {"a": {"n": 1}}}, {"a": [{"n": 1}]}),
        ({"a": [1]}, {"$push": {"a": {"$each": [2, 3]}}}, {"a": [1, 2, 3]}),
        ({"a": [1]}, {"$push": {"a": {"$each": []}}}, {"a": [1]}),
        (
            {"a": [{"id": 1}, {"id": 2}, {"id": 3}]},
            {"$pull": {"a": {"id": {"$in": [1, 3, 9]}}}},
            {"a": [{"id": 2}]},
        ),
        ({"b": 1}, {"$pull": {"a": {"id": {"$in": [1]}}}}, {"b": 1}),
        (
            {"v": 1, "a": []},
            {"$set": {"v": 2}, "$push": {"a": {"$each": [1]}}},
            {"v": 2, "a": [1]},
        ),
    ],
    ids=str,
)
def test_an_update_changes(
    store: StoreUnderTest, before: dict[str, Any], change: dict[str, Any], after: dict[str, Any]
) -> None:
    store.fill({"_id": "x", **before})
    store.things.update_one({"_id": "x"}, change)
    assert store.everything() == [{"_id": "x", **after}]


def test_a_bulk_replaces_inserts_and_updates(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 1}, {"_id": "b", "n": 1, "old": True})
    writes: list[Any] = [
        UpdateOne({"_id": "a", "n": 1}, {"$inc": {"n": 1}}),
        UpdateOne({"_id": "a", "n": 1}, {"$inc": {"n": 1}}),
        ReplaceOne({"_id": "b"}, {"_id": "b", "n": 2}, upsert=True),
        ReplaceOne({"_id": "c"}, {"_id": "c", "n": 3}, upsert=True),
        ReplaceOne({"_id": "d"}, {"_id": "d", "n": 4}),
        InsertOne({"_id": "e", "n": 5}),
    ]
    answer = store.things.bulk_write(writes, ordered=True)
    assert answer.matched_count == 2
    assert store.everything() == [
        {"_id": "a", "n": 2},
        {"_id": "b", "n": 2},
        {"_id": "c", "n": 3},
        {"_id": "e", "n": 5},
    ]


@pytest.mark.parametrize("is_ordered", [True, False])
def test_a_bulk_says_which_inserts_were_refused(store: StoreUnderTest, is_ordered: bool) -> None:
    store.fill({"_id": "b", "n": 0})
    writes = [InsertOne({"_id": name, "n": 1}) for name in "abc"]
    with pytest.raises(BulkWriteError) as refused:
        store.things.bulk_write(writes, ordered=is_ordered)
    mistakes = refused.value.details["writeErrors"]
    assert [(m["index"], m["code"]) for m in mistakes] == [(1, DUPLICATE_KEY)]
    assert store.ids({"n": 1}) == (["a"] if is_ordered else ["a", "c"])
