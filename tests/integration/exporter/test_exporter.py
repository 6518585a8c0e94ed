"""The exporter beside a real broker and database: what it shows while nobody consumes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import ClusterAuthorizationFailedError, GroupAuthorizationFailedError
from prometheus_client import REGISTRY
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from structlog.testing import capture_logs

from services.cli.local.ports import free_ports
from services.exporter import service
from services.exporter.config import Settings
from services.exporter.log import LogWatch
from services.exporter.service import Exporter, Rounds
from services.kernel.container import NativeContainer
from services.kernel.mongo import Mongo
from tests.conftest import RunningBroker, RunningDatabase
from tests.pausing import paused
from tests.waiting import wait_until

TOPIC = "kieng.submissions.v1"
HANGS_SECONDS_MAX = 15.0
"""A round, and the 5 seconds that a request may take, on a machine that is busy."""
SUBMISSIONS = {"group": "kieng.kpi", "topic": TOPIC, "partition": "0"}


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"kieng_{name}", labels)


@contextmanager
def exporting(settings: Settings) -> Iterator[Callable[[], None]]:
    """A running exporter; the function makes it look now."""
    container = NativeContainer(Exporter, settings)
    container.start()
    (look,) = container.entrypoints
    (rounds,) = [each for each in container.dependencies if isinstance(each, Rounds)]

    def again() -> None:
        rounds.due.clear()
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
        wait_until(lambda: value("broker_up") == 1 and value("database_up") == 1)
        assert value("lag_no_position", **SUBMISSIONS) == 1
        assert value("lag_records", **SUBMISSIONS) is None
        assert value("lag_seconds", **SUBMISSIONS) is None
        assert value("log_end_offset", topic=TOPIC, partition="0") == 5
        assert value("log_end_offset", topic=f"{TOPIC}.dlq", partition="0") == 0
        commit(settings.kafka_bootstrap, 2)
        look()
        wait_until(lambda: value("lag_records", **SUBMISSIONS) == 3)
        assert value("lag_no_position", **SUBMISSIONS) == 0
        assert value("lag_position", **SUBMISSIONS) == 2
        age = value("lag_seconds", **SUBMISSIONS)
        assert age is not None
        assert 0 <= age <= time.time() - written + 1
        commit(settings.kafka_bootstrap, 5)
        look()
        wait_until(lambda: value("lag_records", **SUBMISSIONS) == 0)
        assert value("lag_seconds", **SUBMISSIONS) == 0
        assert value("lag_position_outside_log", **SUBMISSIONS) == 0
        commit(settings.kafka_bootstrap, 9)
        look()
        wait_until(lambda: value("lag_position_outside_log", **SUBMISSIONS) == 1)
        assert value("lag_records", **SUBMISSIONS) == 0
        assert (value("disk_free_bytes", part="folder") or 0) > 0
        assert value("disk_bytes", part="database") is None
        if pytestconfig.getoption("--broker") == "kafka":
            wait_until(lambda: (value("log_bytes", topic=TOPIC) or 0) > 0)
            assert (value("disk_free_bytes", part="broker-1") or 0) > 0


def test_databases_are_measured(settings: Settings, mongo: RunningDatabase) -> None:
    with exporting(settings) as look:
        wait_until(lambda: value("database_up") == 1)
        client: MongoClient[dict[str, Any]] = MongoClient(mongo.uri)
        with client:
            client["kieng_measured"]["things"].insert_many([{"n": n} for n in range(30)])
        look()
        wait_until(lambda: value("database_documents", database="kieng_measured") == 30)
        assert (value("database_bytes", database="kieng_measured", part="data") or 0) > 0
        assert value("database_documents", database="local") is None


def test_what_is_down_is_told_and_its_numbers_vanish(settings: Settings) -> None:
    with exporting(settings):
        wait_until(lambda: value("log_end_offset", topic=TOPIC, partition="0") is not None)
    kafka, mongo = (f"127.0.0.1:{port}" for port in free_ports(2))
    nowhere = {"kafka_bootstrap": kafka, "mongo_uri": f"mongodb://{mongo}/?replicaSet=none"}
    with exporting(settings.model_copy(update=nowhere)):
        wait_until(lambda: value("broker_up") == 0 and value("database_up") == 0)
        assert value("log_end_offset", topic=TOPIC, partition="0") is None
        assert value("lag_records", **SUBMISSIONS) is None


def test_a_broker_that_hangs_is_told_and_hides_nothing_else(
    settings: Settings, fresh_broker: RunningBroker
) -> None:
    with exporting(settings) as look:
        wait_until(lambda: value("broker_up") == 1 and value("database_up") == 1)
        with paused(fresh_broker.pid):
            began = time.monotonic()
            look()
            wait_until(lambda: value("broker_up") == 0)
            assert time.monotonic() - began < HANGS_SECONDS_MAX
            wait_until(lambda: value("log_end_offset", topic=TOPIC, partition="0") is None)
            assert value("database_up") == 1
            assert (value("disk_bytes", part="folder") or 0) > 0
        wait_until(lambda: value("broker_up") == 1)
        assert value("log_end_offset", topic=TOPIC, partition="0") is not None


def test_a_database_that_hangs_is_told_and_hides_nothing_else(
    settings: Settings, mongo: RunningDatabase
) -> None:
    client: MongoClient[dict[str, Any]] = MongoClient(mongo.uri)
    with client:
        client["kieng_hangs"]["things"].insert_one({"n": 1})
    with exporting(settings) as look:
        look()
        wait_until(lambda: value("database_documents", database="kieng_hangs") == 1)
        with paused(mongo.pid):
            began = time.monotonic()
            look()
            wait_until(lambda: value("database_up") == 0)
            assert time.monotonic() - began < HANGS_SECONDS_MAX
            assert value("database_documents", database="kieng_hangs") is None
            assert value("broker_up") == 1
            assert value("log_end_offset", topic=TOPIC, partition="0") is not None
        wait_until(lambda: value("database_documents", database="kieng_hangs") == 1)
        assert value("database_up") == 1


def test_a_broker_that_hides_the_groups_is_up_and_their_lag_is_absent(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(watch: LogWatch, ends: object) -> None:
        raise GroupAuthorizationFailedError("kieng.kpi")

    with exporting(settings) as look:
        wait_until(lambda: value("lag_no_position", **SUBMISSIONS) is not None)
        with monkeypatch.context() as patch:
            patch.setattr(LogWatch, "positions", refuse)
            look()
            wait_until(lambda: value("lag_no_position", **SUBMISSIONS) is None)
            assert value("broker_up") == 1
        look()
        wait_until(lambda: value("lag_no_position", **SUBMISSIONS) is not None)


def test_what_a_broker_or_a_database_keeps_to_itself_is_absent_and_is_no_outage(
    settings: Settings, mongo: RunningDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Counter[str]()

    def told(event: str, *names: str) -> int:
        """How many lines so far say this event of one of the names, or of any."""
        return sum(line["event"] == event and (not names or line["what"] in names) for line in said)

    def refuse_folders(watch: LogWatch) -> None:
        refused["folders"] += 1
        raise ClusterAuthorizationFailedError("DescribeLogDirs")

    def refuse_sizes(mongo: Mongo) -> None:
        refused["sizes"] += 1
        raise OperationFailure("not authorized to run dbStats", 13)

    with MongoClient[dict[str, Any]](mongo.uri) as client:
        client["kieng_keeps_to_itself"]["things"].insert_one({"n": 1})
    missing = {"disk_folder": Path("/nowhere/at/all")}
    with exporting(settings) as look:
        wait_until(lambda: value("disk_bytes", part="folder"))
        look()
        wait_until(
            lambda: value("database_documents", database="kieng_keeps_to_itself") is not None
        )
    with (
        capture_logs() as said,
        exporting(settings.model_copy(update=missing)) as look,
        monkeypatch.context() as patch,
    ):
        patch.setattr(LogWatch, "folders", refuse_folders)
        patch.setattr(service, "database_sizes", refuse_sizes)
        # Not until the values are gone: they are from the start, before anything was refused.
        for times in (1, 2):
            look()
            wait_until(lambda: min(refused["folders"], refused["sizes"]) >= times)  # noqa: B023
        wait_until(lambda: told("cannot be seen", "KIENG_DISK_FOLDER") == 1)
        assert value("database_documents", database="kieng_keeps_to_itself") is None
        assert value("disk_bytes", part="folder") is None
        assert (value("broker_up"), value("database_up")) == (1, 1)
        assert value("log_end_offset", topic=TOPIC, partition="0") is not None
        assert value("log_bytes", topic=TOPIC) is None
        patch.undo()
        look()
        wait_until(
            lambda: value("database_documents", database="kieng_keeps_to_itself") is not None
        )
        wait_until(lambda: told("can be seen again") == 2)
    for what in ("KIENG_DISK_FOLDER", "size of the log", "sizes of the databases"):
        assert told("cannot be seen", what) == 1
