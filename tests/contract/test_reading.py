"""What the stores ask of a database: which documents a query finds, in which order, with what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.stores import StoreUnderTest

PEOPLE = (
    {"_id": "a", "age": 30, "langs": ["vi", "en"], "city": {"name": "Hue"}, "left": None},
    {"_id": "b", "age": 40, "langs": ["vi"], "city": {"name": "Hanoi"}},
    {"_id": "c", "langs": [], "age": "forty", "left": True},
    {"_id": "d"},
)


def test_a_document_is_found_as_it_was_written(store: StoreUnderTest) -> None:
    written = {
        "_id": "x",
        "count": 3,
        "large": 2**60,
        "negative": -(2**40),
        "text": "Trường",
        "bytes": b"\x00\xff",
        "nothing": None,
        "yes": True,
        "list": [1, "two", {"three": 3}],
        "at": datetime(2025, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    }
    store.things.insert_one(dict(written))
    assert store.things.find_one({"_id": "x"}) == written


def test_times_are_kept_to_the_millisecond_and_tuples_become_lists(store: StoreUnderTest) -> None:
    precise = datetime(2025, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    store.things.insert_one({"_id": "x", "at": precise, "pair": (1, 2)})
    found = store.things.find_one({"_id": "x"})
    assert found == {"_id": "x", "at": precise.replace(microsecond=678_000), "pair": [1, 2]}


def test_what_was_found_or_written_may_be_changed_without_changing_what_is_stored(
    store: StoreUnderTest,
) -> None:
    written: dict[str, Any] = {"_id": "x", "list": [1]}
    store.things.insert_one(written)
    written["list"].append(2)
    found = store.things.find_one({"_id": "x"})
    found["list"].append(3)
    found["more"] = True
    assert store.everything() == [{"_id": "x", "list": [1]}]


def test_what_is_absent_is_none_or_nothing(store: StoreUnderTest) -> None:
    assert store.things.find_one({"_id": "x"}) is None
    assert store.everything() == []
    assert store.things.count_documents({}) == 0


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, "abcd"),
        ({"age": 30}, "a"),
        ({"age": 30, "city": {"name": "Hue"}}, "a"),
        ({"age": 30, "city": {"name": "Hanoi"}}, ""),
        ({"langs": "vi"}, "ab"),
        ({"langs": ["vi"]}, "b"),
        ({"langs": []}, "c"),
        ({"langs": {"$in": ["en", "fr"]}}, "a"),
        ({"age": {"$in": [40, "forty"]}}, "bc"),
        ({"age": {"$in": []}}, ""),
        ({"_id": {"$in": ["d", "b", "b", "z"]}}, "bd"),
        ({"_id": {"$in": ["a", "b"]}, "age": 40}, "b"),
        ({"_id": {"$gt": "b"}}, "cd"),
        ({"age": {"$gt": 30}}, "b"),
        ({"age": {"$gte": 30}}, "ab"),
        ({"age": {"$gt": ""}}, "c"),
        ({"age": {"$gte": 30, "$ne": 40}}, "a"),
        ({"age": {"$ne": 30}}, "bcd"),
        ({"langs": {"$ne": "en"}}, "bcd"),
        ({"left": None}, ["a", "b", "d"]),
        ({"left": {"$ne": None}}, "c"),
        ({"left": True}, "c"),
        ({"city.name": "Hanoi"}, "b"),
        ({"city.name": None}, "cd"),
    ],
    ids=str,
)
def test_a_query_finds(store: StoreUnderTest, query: dict[str, Any], ids: str | list[str]) -> None:
    store.fill(*PEOPLE)
    assert store.ids(query) == list(ids)
    assert store.things.count_documents(query) == len(ids)
    assert (store.things.find_one(query) is not None) == bool(ids)


def test_documents_come_in_the_order_asked_for_and_no_more_than_asked_for(
    store: StoreUnderTest,
) -> None:
    for number, (group, size) in enumerate([(2, 1), (1, 2), (1, 9), (2, 0)]):
        store.things.insert_one({"_id": number, "group": group, "size": size})
    things = store.things

    def ids(cursor: Any) -> list[int]:
        return [document["_id"] for document in cursor]

    assert ids(things.find({}).sort("_id", 1)) == [0, 1, 2, 3]
    assert ids(things.find({}).sort([("group", 1), ("size", -1)])) == [2, 1, 0, 3]
    assert ids(things.find({}, sort=[("size", -1)]).limit(2)) == [2, 1]
    assert ids(things.find({}).sort("size", 1).limit(0)) == [3, 0, 1, 2]
    assert ids(things.find({}).sort("_id", 1).batch_size(2)) == [0, 1, 2, 3]
    assert ids(things.find({"_id": {"$gt": 0}}).sort("_id", 1).limit(2)) == [1, 2]
    assert things.find_one({}, sort=[("_id", -1)])["_id"] == 3


def test_absent_fields_sort_first(store: StoreUnderTest) -> None:
    store.fill({"_id": "a", "n": 1}, {"_id": "b"}, {"_id": "c", "n": 0})
    assert [d["_id"] for d in store.things.find({}).sort("n", 1)] == ["b", "c", "a"]


def test_only_the_fields_asked_for_are_found(store: StoreUnderTest) -> None:
    store.fill({"_id": "x", "a": 1, "b": 2, "c": 3})
    assert list(store.things.find({}, {"a": 1, "z": 1})) == [{"_id": "x", "a": 1}]
    assert list(store.things.find({}, {"_id": 1})) == [{"_id": "x"}]
    assert list(store.things.find({"b": 2}, {"a": 0, "c": 0})) == [{"_id": "x", "b": 2}]
    assert store.things.find_one({"b": 2}, {"_id": 1}) == {"_id": "x"}
