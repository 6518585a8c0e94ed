"""Works in order of key: a page reads about what it holds, wherever it begins."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from pymongo import MongoClient, monitoring

from services.kpi.store import key_ranges
from services.kpi.store.key_ranges import GROWN, RANGE_WORKS, KeyRanges
from tests.conftest import RunningDatabase

WORKS = 1000
UNIT = {"v": "view", "u": "publication|root"}
FIELDS = {"k": 1, "c": 1}


class Reads(monitoring.CommandListener):
    """Counts the documents that the database returns."""

    documents = explained = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.explained += event.command_name == "explain"

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        self.documents += len(cursor.get("firstBatch", cursor.get("nextBatch", ())))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.fixture
def reads() -> Reads:
    return Reads()


@pytest.fixture
def works(mongo: RunningDatabase, database_name: str, reads: Reads) -> Iterator[Any]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo.uri, event_listeners=[reads])
    found = client[database_name]["works"]
    found.create_index([("v", 1), ("u", 1), ("k", 1)])
    found.insert_many(work(number) for number in range(WORKS))
    yield found
    client.drop_database(database_name)
    client.close()


def work(number: int, *units: str) -> dict[str, Any]:
    places = ["publication|root", *(["publication|root/a"] if number % 3 else [])]
    return {"_id": number, "v": "view", "k": key(number), "u": [*places, *units], "c": [b"1"]}


def key(number: int) -> str:
    return f"doi:10.1/{number:06}"


def page(ranges: KeyRanges, works: Any, after: str, limit: int) -> list[str]:
    with works.database.client.start_session() as session:
        return [d["k"] for d in islice(ranges.read(UNIT, after, limit, session), limit or None)]


def test_pages_are_the_works_in_order_and_read_little_more_than_they_hold(
    works: Any, reads: Reads
) -> None:
    ranges, after, found = KeyRanges(works, FIELDS), "", list[str]()
    page(ranges, works, "", 1)  # cuts the keys, once
    while some := page(ranges, works, after, 100):
        found += some
        after = some[-1]
        assert reads.documents <= 100 + 2 * RANGE_WORKS or len(found) == 100
        reads.documents = 0
    assert found == [key(number) for number in range(WORKS)]
    assert reads.explained == 1


def test_works_that_came_since_are_found_and_the_keys_are_cut_again_when_ranges_grew(
    works: Any, reads: Reads
) -> None:
    ranges = KeyRanges(works, FIELDS)
    page(ranges, works, "", 1)
    more = range(WORKS, WORKS + (GROWN + 1) * RANGE_WORKS)
    works.insert_many([work(number) for number in more])
    assert page(ranges, works, key(WORKS - 1), 500) == [key(number) for number in more]
    page(ranges, works, "", 1)
    reads.documents = 0
    assert page(ranges, works, key(WORKS - 1), 50)[0] == key(WORKS)
    assert reads.documents <= 2 * RANGE_WORKS


def test_all_works_are_one_query_and_so_is_a_page_of_a_database_that_walks_the_index(
    works: Any, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = [key(number) for number in range(WORKS)]
    assert page(KeyRanges(works, FIELDS), works, "", 0) == everything
    assert page(KeyRanges(works, FIELDS), works, key(989), 0) == everything[990:]
    monkeypatch.setattr(key_ranges, "_has_stage", lambda plan, name: False)
    reads.documents = 0
    assert page(KeyRanges(works, FIELDS), works, key(9), 20) == everything[10:30]
    assert reads.documents == 20


def test_units_are_forgotten_one_by_one(works: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_ranges, "BOUNDS_KEPT", 1)
    ranges = KeyRanges(works, FIELDS)
    other = {**UNIT, "u": "publication|root/a"}
    with works.database.client.start_session() as session:
        for query in (UNIT, other, UNIT):
            found = [d["k"] for d in islice(ranges.read(query, key(500), 5, session), 5)]
            assert found == sorted(found)
            assert len(ranges._bounds) == 1


def test_a_stage_is_found_wherever_the_plan_has_it() -> None:
    below = {"stage": "FETCH", "inputStage": {"stage": "SORT", "inputStage": {"stage": "IXSCAN"}}}
    assert key_ranges._has_stage({"queryPlan": below}, "SORT")
    assert key_ranges._has_stage({"stage": "OR", "inputStages": [below]}, "SORT")
    assert not key_ranges._has_stage({"stage": "SORT_MERGE", "inputStages": []}, "SORT")
