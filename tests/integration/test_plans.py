"""What reads a collection whole is noticed, so that the other tests can rely on it."""

from __future__ import annotations

from types import SimpleNamespace

from pymongo import MongoClient

from tests.conftest import RunningDatabase
from tests.integration.plans import is_indexed


def test_a_query_without_an_index_is_noticed(mongo: RunningDatabase, database_name: str) -> None:
    with MongoClient[dict[str, object]](mongo.uri) as client:
        documents = client[database_name]["things"]
        documents.insert_many([{"a": number, "b": number, "c": number} for number in range(20)])
        documents.create_index([("a", 1), ("b", 1)])
        assert client.address is not None

        def found(wanted: dict[str, object], **command: object) -> bool:
            event = SimpleNamespace(
                connection_id=client.address, database_name=database_name, command=command
            )
            return is_indexed(event, "things", wanted)

        assert found({"a": 1})
        assert found({"a": {"$gte": 1}, "c": 3})
        assert found({"_id": 1, "c": 3})
        assert not found({"b": 1})
        assert not found({"c": 1})
        assert not found({})
        assert found({}, sort={"a": -1}, limit=5)
        assert not found({}, sort={"a": -1})
        assert not found({}, sort={"c": 1}, limit=5)
