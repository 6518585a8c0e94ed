"""Consumers and the publisher on a real broker."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from kafka import KafkaAdminClient
from prometheus_client import REGISTRY
from pymongo.errors import ServerSelectionTimeoutError

from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from services.kernel import config, kafka
from services.kernel.config import KernelSettings
from services.kernel.errors import InvalidRecord, NotReady, Unavailable
from services.kernel.kafka import Record
from services.kernel.publisher import Event, KafkaPublisher
from services.kernel.runner import stalled
from tests.conftest import KAFKA_CACHE
from tests.integration.kernel.reading import (
    everything,
    new_topic,
    produce,
    reader,
    running,
)
from tests.waiting import wait_until

HUNDRED = [str(n) for n in range(100)]


def event(topic: str, value: str) -> Event:
    return Event(value, topic, "k", "test.Event", "kieng/test/alpha", value.encode())


def publisher_of(settings: KernelSettings) -> KafkaPublisher:
    publisher = KafkaPublisher()
    publisher.container = type("Container", (), {"settings": settings})()
    return publisher


def test_records_come_in_order_and_a_restart_goes_on_where_it_was(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, *HUNDRED)
    with running(reader(topic), settings) as run:
        run.notes.wait_for("99")
    assert run.notes.handed == list(enumerate(HUNDRED))
    assert run.consume.unready == ""
    produce(settings.kafka_bootstrap, topic, "next")
    with running(reader(topic), settings) as run:
        run.notes.wait_for("next")
    assert run.notes.handed == [(100, "next")]
    assert run.container.failure is None
    labels = {"topic": topic, "group": f"group.{topic}"}
    shown = {
        name: REGISTRY.get_sample_value(f"kieng_consumer_{name}", {**labels, **more})
        for name, more in (("records_handled_total", {}), ("lag_records", {"partition": "0"}))
    }
    assert shown["records_handled_total"] == 101
    assert shown["lag_records"] in (0, None)  # None: a member that left its group shows it no more
    rebalances = {"group": f"group.{topic}"}
    assert (REGISTRY.get_sample_value("kieng_consumer_rebalances_total", rebalances) or 0) >= 2


def test_a_loop_that_hangs_is_stalled_and_one_that_waits_for_the_broker_is_not(
    settings: KernelSettings,
) -> None:
    impatient = settings.model_copy(update={"stall_seconds": 1.0})
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, "a")
    hanging, released = threading.Event(), threading.Event()

    def hang(records: list[Record]) -> None:
        hanging.set()
        released.wait(60)

    with running(reader(topic), impatient, lambda notes: setattr(notes, "answer", hang)) as run:
        assert hanging.wait(30)
        assert wait_until(lambda: stalled(run.container)) == f"group.{topic} has not polled for 1 s"
        released.set()
        run.notes.wait_for("a")
        assert wait_until(lambda: not stalled(run.container))
    nowhere = impatient.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{free_ports(1)[0]}"})
    with running(reader("test.nowhere"), nowhere) as run:
        began = time.monotonic()
        assert wait_until(lambda: run.consume.unready.startswith("KafkaConnectionError"))
        while time.monotonic() < began + 2.5:
            assert stalled(run.container) == ""
            run.consume.stopping.wait(0.05)


def test_what_is_published_together_travels_together(settings: KernelSettings) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    publisher = KafkaPublisher()
    # So long that the slowest machine has sent all before it ends; publishing does not wait for it.
    patient = {**settings.producer_options(), "linger_ms": 3_000}
    named = SimpleNamespace(producer_options=lambda: patient)
    publisher.container = SimpleNamespace(settings=named)
    publisher.publish([event(topic, "x" * 500) for _ in range(200)])
    told = publisher.producer.metrics()["producer-metrics"]
    publisher.stop()
    assert told["records-per-request-avg"] == 200
    assert len(everything(settings.kafka_bootstrap, topic, 200)) == 200


def test_what_was_published_is_what_is_consumed(settings: KernelSettings) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    publisher = publisher_of(settings)
    events = [event(topic, value) for value in ("a", "b", "c")]
    publisher.publish(events)
    publisher.stop()
    records = everything(settings.kafka_bootstrap, topic, 3)
    assert [r.value for r in records] == [b"a", b"b", b"c"]
    assert [r.headers for r in records] == [e.headers() for e in events]
    assert {r.key for r in records} == {b"k"}


def test_an_invalid_record_is_buried_and_the_others_are_handled(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, "a", "bad", "b", "bad", "c")

    def refuse(records: list[Record]) -> None:
        for record in records:
            if record.value == b"bad":
                raise InvalidRecord("cannot be decoded", offset=record.offset)

    with running(reader(topic), settings, lambda notes: setattr(notes, "answer", refuse)) as run:
        run.notes.wait_for("a", "b", "c")
    assert run.notes.values == ["a", "b", "c"]
    assert run.container.failure is None
    buried = everything(settings.kafka_bootstrap, f"{topic}.dlq", 2)
    assert [(r.key, r.value) for r in buried] == [(b"k", b"bad")] * 2
    assert [dict(r.headers) for r in buried] == [
        {
            "ce_id": b"bad",
            "dlq_reason": b"cannot be decoded",
            "dlq_origin": f"{topic}/0/{offset}".encode(),
        }
        for offset in (1, 3)
    ]


@pytest.mark.parametrize(
    "trouble",
    [NotReady("not yet"), Unavailable("down"), ServerSelectionTimeoutError("no server")],
    ids=lambda trouble: type(trouble).__name__,
)
@pytest.mark.parametrize("positions", ["", "notes"])
def test_trouble_that_passes_repeats_the_batch_and_does_not_stop_the_process(
    settings: KernelSettings, trouble: Exception, positions: str
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, "a", "b", "c")
    troubles = [trouble]

    def fail(records: list[Record]) -> None:
        if troubles:
            raise troubles.pop()

    prepare = lambda notes: setattr(notes, "answer", fail)  # noqa: E731
    with running(reader(topic, positions), settings, prepare) as run:
        run.notes.wait_for("a", "b", "c")
    assert run.notes.values == ["a", "b", "c"]
    assert (run.container.failure, troubles) == (None, [])
    assert len(run.notes.claimed) == (2 if positions else 0)


def test_an_unknown_error_stops_the_process_and_the_record_comes_again(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, "a")

    def fail(records: list[Record]) -> None:
        raise ZeroDivisionError

    with running(reader(topic), settings, lambda notes: setattr(notes, "answer", fail)) as run:
        assert run.container.finished.wait(30)
    assert isinstance(run.container.failure, ZeroDivisionError)
    with running(reader(topic), settings) as run:
        run.notes.wait_for("a")
    assert run.container.failure is None


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_broker_that_dies_and_returns_is_waited_for(
    membership: str, tmp_path: Path, settings: KernelSettings
) -> None:
    port, controller_port = free_ports(2)
    if membership == "group":
        libs = apache_kafka.fetch(KAFKA_CACHE)
        data, log = tmp_path / "data", tmp_path / "log"
        broker = apache_kafka.apache_kafka(libs, port, controller_port, data, log)
        seconds = apache_kafka.READY_SECONDS
    else:
        broker = embedded.tansu(port, tmp_path / "log")
        seconds = embedded.BROKER_READY_SECONDS
    own = settings.model_copy(update={"kafka_bootstrap": broker.bootstrap})
    publisher = publisher_of(own)
    with ChildGroup() as supervisor:
        supervisor.start(broker.child, broker.unready, seconds)
        topic = new_topic(broker.bootstrap)
        publisher.publish([event(topic, "before")])
        with running(reader(topic), own) as run:
            run.notes.wait_for("before")
            broker.child.kill()
            with pytest.raises(Unavailable):
                publisher.publish([event(topic, "lost")])
            with pytest.raises(Unavailable):
                publisher.publish([event(topic, "lost")])
            broker.child.start()
            broker.child.wait_until_ready(broker.unready, seconds)
            if membership == "sole":  # its log died with it
                topic = new_topic(broker.bootstrap)
            publisher.publish([event(topic, "after")])
            if membership == "group":
                run.notes.wait_for("after")
            else:
                (record,) = everything(broker.bootstrap, topic, 1)
                assert record.value == b"after"
            assert not run.container.finished.is_set()
        publisher.stop()
    assert run.container.failure is None


def test_a_consumer_waits_for_a_broker_that_is_not_there(settings: KernelSettings) -> None:
    nowhere = settings.model_copy(update={"kafka_bootstrap": f"127.0.0.1:{free_ports(1)[0]}"})
    with running(reader("test.nowhere"), nowhere) as run:
        ended = run.consume.stopping
        for _ in range(1000):
            if run.consume.unready.startswith("KafkaConnectionError") or ended.wait(0.01):
                break
        assert "no broker listens" in run.consume.unready
    assert run.container.failure is None


def test_a_consumer_waits_for_a_topic_and_reads_it_as_soon_as_it_is_made(
    settings: KernelSettings, membership: str
) -> None:
    """A member of a group that joins before it knows the topic may never be given a partition."""
    late = f"test.late.{membership}"
    with running(reader(late), settings) as run:
        ended = run.consume.stopping
        for _ in range(1000):
            if "do not exist" in run.consume.unready or ended.wait(0.01):
                break
        if membership == "group":  # the embedded broker makes a topic that somebody asks for
            assert f"{late} do not exist; run `kieng topics apply`" in run.consume.unready
            wanted = {"num_partitions": 1, "replication_factor": 1}
            with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
                admin.create_topics({late: wanted}, wait_for_metadata=True)
        produce(settings.kafka_bootstrap, late, "first")
        run.notes.wait_for("first")
    assert run.container.failure is None


@pytest.mark.kafka
def test_a_rebalance_that_outlasts_a_poll_comes_to_its_end(
    settings: KernelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever leads a group finds no reason to rejoin once it has given out the partitions."""
    monkeypatch.setattr(kafka, "POLL_MS", 1)
    monkeypatch.setattr(config, "METADATA_AGE_MS", 200)
    topic = new_topic(settings.kafka_bootstrap)
    with running(reader(topic), settings) as run:
        produce(settings.kafka_bootstrap, topic, "before")
        run.notes.wait_for("before")
        for partitions in range(2, 7):
            with closing(KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)) as admin:
                admin.create_partitions({topic: partitions})
            produce(settings.kafka_bootstrap, topic, f"in {partitions}", partition=partitions - 1)
            run.notes.wait_for(f"in {partitions}")
    assert run.container.failure is None
