"""The exporter beside a real broker and database: what it shows while nobody consumes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from prometheus_client import REGISTRY
from pymongo import MongoClient

from services.cli.processes import free_ports
from services.exporter.config import Settings
from services.exporter.service import Exporter, Rounds
from services.kernel.container import NativeContainer
from tests.conftest import RunningBroker, RunningDatabase

TOPIC = "kieng.submissions.v1"
SUBMISSIONS = {"group": "kieng.kpi", "topic": TOPIC, "partition": "0"}


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"kieng_{name}", labels)


def until(happened: Callable[[], Any]) -> None:
    deadline, pause = time.monotonic() + 30, threading.Event()
    while not happened():
        assert time.monotonic() < deadline
        pause.wait(0.02)


@contextmanager
def exporting(settings: Settings) -> Iterator[Callable[[], None]]:
    """A running exporter; the function makes it look now."""
    container = NativeContainer(Exporter, settings)
    container.start()
    (look,) = container.entrypoints
    (rounds,) = [each for each in container.dependencies if isinstance(each, Rounds)]

    def again() -> None:
        rounds.sizes_due = 0.0
        look.wake.set()

    try:
        yield again
    finally:
        container.stop()
    assert container.failure is None


def produce(bootstrap: str, count: int) -> None:
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        for _ in range(count):
            producer.send(TOPIC, b"x", b"k", partition=0).get(timeout=10)


def commit(bootstrap: str, offset: int) -> None:
    partition = TopicPartition(TOPIC, 0)
    with closing(
        KafkaConsumer(bootstrap_servers=bootstrap, group_id="kieng.kpi", enable_auto_commit=False)
    ) as consumer:
        consumer.assign([partition])
        consumer.commit({partition: OffsetAndMetadata(offset)})


@pytest.fixture
def settings(fresh_broker: RunningBroker, mongo: RunningDatabase, tmp_path: Path) -> Settings:
    return Settings(
        kafka_bootstrap=fresh_broker.bootstrap,
        mongo_uri=mongo.uri,
        mongo_timeout_ms=1000,
        disk_folder=tmp_path,
    )


def test_lag_is_seen_while_no_consumer_lives_and_unknown_is_not_shown_as_a_number(
    settings: Settings, pytestconfig: pytest.Config
) -> None:
    produce(settings.kafka_bootstrap, 5)
    written = time.time()
    with exporting(settings) as look:
        until(lambda: value("broker_up") == 1 and value("database_up") == 1)
        assert value("lag_no_position", **SUBMISSIONS) == 1
        assert value("lag_records", **SUBMISSIONS) is None
        assert value("lag_seconds", **SUBMISSIONS) is None
        assert value("log_end_offset", topic=TOPIC, partition="0") == 5
        assert value("log_end_offset", topic=f"{TOPIC}.dlq", partition="0") == 0
        commit(settings.kafka_bootstrap, 2)
        look()
        until(lambda: value("lag_records", **SUBMISSIONS) == 3)
        assert value("lag_no_position", **SUBMISSIONS) == 0
        assert value("lag_position", **SUBMISSIONS) == 2
        age = value("lag_seconds", **SUBMISSIONS)
        assert age is not None
        assert 0 <= age <= time.time() - written + 1
        commit(settings.kafka_bootstrap, 5)
        look()
        until(lambda: value("lag_records", **SUBMISSIONS) == 0)
        assert value("lag_seconds", **SUBMISSIONS) == 0
        assert value("lag_position_outside_log", **SUBMISSIONS) == 0
        commit(settings.kafka_bootstrap, 9)
        look()
        until(lambda: value("lag_position_outside_log", **SUBMISSIONS) == 1)
        assert value("lag_records", **SUBMISSIONS) == 0
        assert (value("disk_free_bytes") or 0) > 0
        if pytestconfig.getoption("--broker") == "kafka":
            until(lambda: (value("log_bytes", topic=TOPIC) or 0) > 0)


def test_databases_are_measured(settings: Settings, mongo: RunningDatabase) -> None:
    with exporting(settings) as look:
        until(lambda: value("database_up") == 1)
        with MongoClient(mongo.uri) as client:
            client["kieng_measured"]["things"].insert_many([{"n": n} for n in range(30)])
        look()
        until(lambda: value("database_documents", database="kieng_measured") == 30)
        assert (value("database_bytes", database="kieng_measured", part="data") or 0) > 0
        assert value("database_documents", database="local") is None


def test_what_is_down_is_told_and_its_numbers_vanish(settings: Settings) -> None:
    with exporting(settings):
        until(lambda: value("log_end_offset", topic=TOPIC, partition="0") is not None)
    kafka, mongo = (f"127.0.0.1:{port}" for port in free_ports(2))
    nowhere = {"kafka_bootstrap": kafka, "mongo_uri": f"mongodb://{mongo}/?replicaSet=none"}
    with exporting(settings.model_copy(update=nowhere)):
        until(lambda: value("broker_up") == 0 and value("database_up") == 0)
        assert value("log_end_offset", topic=TOPIC, partition="0") is None
        assert value("lag_records", **SUBMISSIONS) is None
