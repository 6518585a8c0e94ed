"""Apache Kafka is fetched, formatted and started, and a killed node loses nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

from services.cli.admin import topics
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from tests.conftest import pytest_configure
from tests.waiting import wait_until

TOPIC = TopicPartition("kieng.submissions.v1", 0)
CACHE = Path(__file__).parents[4] / "build" / "kafka"

needs_kafka = pytest.mark.skipif(
    bool(apache_kafka.unavailable()), reason=apache_kafka.unavailable() or "available"
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.LocalBroker]:
    directory = tmp_path_factory.mktemp("kafka")
    port, controller_port = free_ports(2)
    broker = apache_kafka.apache_kafka(
        *(apache_kafka.fetch(CACHE), port, controller_port),
        *(directory / "data", directory / "kafka.log"),
    )
    with ChildGroup() as supervisor:
        supervisor.start(broker.child, broker.unready, apache_kafka.READY_SECONDS)
        yield broker


def apply_topics(bootstrap: str) -> topics.Applied:
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        return topics.apply(admin, topics.load())


def read(bootstrap: str, expected: int) -> list[bytes]:
    """The values from the start of the topic, through a consumer group; fewer on a timeout."""
    consumer = KafkaConsumer(
        TOPIC.topic,
        bootstrap_servers=bootstrap,
        group_id="test",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        partition_assignment_strategy=[CooperativeStickyAssignor],
    )
    values: list[bytes] = []
    with contextlib.closing(consumer):
        while len(values) < expected:
            records = consumer.poll(timeout_ms=15_000)
            if not records:
                break
            values += [record.value for record in records[TOPIC]]
    return values


@pytest.mark.kafka
@needs_kafka
def test_topics_are_applied_once_and_a_changed_retention_is_corrected(
    node: embedded.LocalBroker,
) -> None:
    first = apply_topics(node.bootstrap)
    again = apply_topics(node.bootstrap)
    assert (again.created, again.reconfigured, again.left) == ((), (), ())
    assert again.ids == first.ids
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=node.bootstrap)) as admin:
        short = topics.Topic(TOPIC.topic, 1, 1, {"retention.ms": "1000"})
        assert topics.apply(admin, [short]).reconfigured == (TOPIC.topic,)
        # A broker shows a setting a moment after the controller has taken it.
        (found,) = wait_until(lambda: topics.plan(admin, topics.load()), 10, "it is short")
        assert str(found) == f"{TOPIC.topic}: retention.ms is 1000, wanted -1"
        assert topics.apply(admin, topics.load()).reconfigured == (TOPIC.topic,)
        wait_until(lambda: not topics.plan(admin, topics.load()), 10, "it is as wanted")


@pytest.mark.kafka
@needs_kafka
def test_partitions_of_a_live_topic_are_reported_and_left(node: embedded.LocalBroker) -> None:
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=node.bootstrap)) as admin:
        admin.create_topics({"wide": {"num_partitions": 2, "replication_factor": 1}})
        applied = topics.apply(admin, [topics.Topic("wide", 1, 1, {})])
        assert [str(left) for left in applied.left] == ["wide: partitions is 2, wanted 1"]
        (found,) = admin.describe_topics(["wide"])
        assert len(found["partitions"]) == 2


@pytest.mark.kafka
@needs_kafka
def test_a_killed_node_keeps_its_log_and_its_topic_ids(node: embedded.LocalBroker) -> None:
    before = apply_topics(node.bootstrap).ids
    with contextlib.closing(KafkaProducer(bootstrap_servers=node.bootstrap)) as producer:
        for number in range(20):
            producer.send(TOPIC.topic, b"%d" % number).get(timeout=15)
    node.child.kill()
    node.child.start()
    node.child.wait_until_ready(node.unready, apache_kafka.READY_SECONDS)
    assert apply_topics(node.bootstrap).ids == before
    assert read(node.bootstrap, expected=20) == [b"%d" % number for number in range(20)]


@pytest.mark.kafka
@needs_kafka
def test_a_directory_is_reopened_by_another_run_on_other_ports(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        port, controller_port = free_ports(2)
        broker = apache_kafka.apache_kafka(
            apache_kafka.fetch(CACHE),
            port,
            controller_port,
            tmp_path / "data",
            tmp_path / "kafka.log",
        )
        with ChildGroup() as supervisor:
            supervisor.start(broker.child, broker.unready, apache_kafka.READY_SECONDS)
            ids.append(apply_topics(broker.bootstrap).ids)
    assert ids[0] == ids[1]


@pytest.mark.kafka
@needs_kafka
def test_a_second_fetch_needs_neither_maven_nor_java(monkeypatch: pytest.MonkeyPatch) -> None:
    libs = apache_kafka.fetch(CACHE)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert apache_kafka.fetch(CACHE) == libs
    assert any(jar.name == f"kafka_2.13-{apache_kafka.VERSION}.jar" for jar in libs.iterdir())


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return tmp_path


def test_missing_java_is_named(empty_path: Path) -> None:
    with pytest.raises(embedded.PartMissing, match="no java: install a Java runtime, 17 or newer"):
        apache_kafka.fetch(empty_path / "cache")


def test_an_old_java_is_named(empty_path: Path) -> None:
    script(empty_path, "java", "echo 'openjdk version \"11.0.2\"' >&2")
    with pytest.raises(embedded.PartMissing, match="java is version 11"):
        apache_kafka.fetch(empty_path / "cache")


def test_missing_maven_is_named(empty_path: Path) -> None:
    script(empty_path, "java", "echo 'openjdk version \"21.0.1\"' >&2")
    with pytest.raises(embedded.PartMissing, match="no mvn"):
        apache_kafka.fetch(empty_path / "cache")


def test_a_test_run_on_kafka_that_cannot_run_is_refused(empty_path: Path) -> None:
    options = {"--broker": "kafka"}
    chosen = SimpleNamespace(getoption=options.get, addinivalue_line=lambda *_: None)
    with pytest.raises(pytest.UsageError, match="--broker kafka: no java"):
        pytest_configure(chosen)  # type: ignore[arg-type]


def test_a_fetch_that_fails_says_why_and_leaves_nothing(empty_path: Path) -> None:
    script(empty_path, "java", "echo 'openjdk version \"21.0.1\"' >&2")
    script(empty_path, "mvn", "echo 'no route to the repository' >&2; exit 1")
    with pytest.raises(embedded.PartMissing, match="no route to the repository"):
        apache_kafka.fetch(empty_path / "cache")
    assert list((empty_path / "cache").iterdir()) == []
