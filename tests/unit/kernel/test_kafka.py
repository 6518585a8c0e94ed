from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError
from prometheus_client import REGISTRY

from services.cli.local.ports import free_ports
from services.kernel.config import KernelSettings
from services.kernel.errors import InvalidRecord, OwnershipLost, Unavailable
from services.kernel.kafka import (
    DEAD_LETTERS_IN_A_ROW_MAX,
    Consume,
    event_type,
    header,
)
from services.kernel.publisher import Event, KafkaPublisher

HANOI = timezone(timedelta(hours=7))


def event(**fields: str) -> Event:
    return Event(
        event_id="01",
        topic="kieng.submissions.v1",
        key="doi:10.1/ấn",
        type="kieng.submissions.v1.SubmissionChanged",
        source="kieng/submissions/alpha",
        value=b"\x0a",
        time=datetime(2025, 7, 1, 9, 30, 15, 250, tzinfo=HANOI),
        **fields,
    )


def test_headers_are_those_of_the_binary_kafka_binding_of_cloudevents() -> None:
    # Written by hand from CloudEvents 1.0.2, "Kafka Protocol Binding", 3.2 and RFC 3339.
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert event(traceparent=trace).headers() == [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"01"),
        ("ce_type", b"kieng.submissions.v1.SubmissionChanged"),
        ("ce_source", b"kieng/submissions/alpha"),
        ("ce_subject", "doi:10.1/ấn".encode()),
        ("ce_time", b"2025-07-01T02:30:15.000250Z"),
        ("ce_dataschema", b"kieng:kieng.submissions.v1.SubmissionChanged"),
        ("content-type", b"application/protobuf"),
        ("traceparent", trace.encode()),
    ]


def test_an_event_without_a_trace_has_no_trace_header() -> None:
    assert "traceparent" not in dict(event().headers())


def test_a_header_is_read_as_text_whatever_its_bytes() -> None:
    headers = [("a", b"1"), ("a", b"2"), ("b", b"\xff"), ("null", None), ("null", b"1")]
    record: Any = SimpleNamespace(headers=headers)
    assert header(record, "a") == "1"
    assert header(record, "b") == "\ufffd"
    assert header(record, "c") == ""
    assert header(record, "null") == ""


def typed(*values: bytes | None) -> Any:
    headers = [("ce_id", b"1"), *(("ce_type", value) for value in values)]
    return SimpleNamespace(headers=headers, offset=7)


@pytest.mark.parametrize("values", [(b"a.v1.B",), (b"a.v1.B", b"a.v1.B"), (b"!" * 255,)])
def test_a_type_is_one_visible_ascii_text_however_often_it_is_said(values: Any) -> None:
    assert event_type(typed(*values)) == values[0].decode()


@pytest.mark.parametrize(
    "values",
    [
        (),
        (None,),
        (b"",),
        (b" ",),
        (b"a.v1.B\n",),
        (b"\xff",),
        ("ấn".encode(),),
        (b"!" * 256,),
        (b"a.v1.B", b"a.v2.B"),
        (b"a.v1.B", None),
        (None, b"a.v1.B"),
        (b"a.v1.B", b""),
    ],
)
def test_a_record_that_names_no_usable_type_is_invalid(values: Any) -> None:
    with pytest.raises(InvalidRecord, match="no usable ce_type") as invalid:
        event_type(typed(*values))
    assert invalid.value.offset == 7
    assert len(str(invalid.value)) <= 500


def test_publishing_without_a_broker_is_unavailable_and_leaves_nothing_behind() -> None:
    publisher = KafkaPublisher()
    address = f"127.0.0.1:{free_ports(1)[0]}"
    publisher.container = SimpleNamespace(settings=KernelSettings(kafka_bootstrap=address))
    with pytest.raises(Unavailable, match="does not acknowledge"):
        publisher.publish([event()])
    publisher.stop()


def test_a_position_that_the_broker_refuses_is_counted() -> None:
    consume = Consume(group="g.commit", positions="elsewhere")
    record = SimpleNamespace(topic="t", partition=0, offset=7, timestamp=0)
    for said in (KafkaError("no"), object()):
        consumer = SimpleNamespace(
            commit_async=lambda offsets, callback, said=said: callback(offsets, said),
            highwater=lambda partition: None,
        )
        consume._commit(consumer, "t-0", [record])
    labels = {"group": "g.commit"}
    assert REGISTRY.get_sample_value("kieng_consumer_commit_failures_total", labels) == 1


class Toy:
    """Stands for a container whose one method finds fault with some records."""

    def __init__(self, consume: Consume) -> None:
        self.buried: list[Any] = []
        self.is_wrong: Callable[[Any], bool] = lambda record: True
        consume.container = self
        consume.publisher = cast(KafkaPublisher, SimpleNamespace(write=self.buried.extend))

    @contextmanager
    def worker(self, entrypoint: Consume) -> Iterator[Callable[[Any], None]]:
        def method(records: Any) -> None:
            for record in records:
                if self.is_wrong(record):
                    raise InvalidRecord("not readable", offset=record.offset)

        yield method


def records(count: int) -> list[Any]:
    same = {"topic": "t", "partition": 0, "key": b"k", "value": b"", "headers": []}
    return [SimpleNamespace(offset=offset, **same) for offset in range(count)]


def test_too_many_invalid_records_in_a_row_stop_the_process_instead_of_being_buried() -> None:
    consume = Consume(group="g.dead")
    toy = Toy(consume)
    consume._hand_over(records(DEAD_LETTERS_IN_A_ROW_MAX))
    with pytest.raises(RuntimeError, match="too many invalid records in a row, the last: not read"):
        consume._hand_over(records(1))
    assert len(toy.buried) == DEAD_LETTERS_IN_A_ROW_MAX


def test_one_batch_that_is_handled_begins_the_count_anew() -> None:
    consume = Consume(group="g.dead")
    toy = Toy(consume)
    consume._hand_over(records(DEAD_LETTERS_IN_A_ROW_MAX))
    toy.is_wrong = lambda record: False
    consume._hand_over(records(1))
    toy.is_wrong = lambda record: True
    consume._hand_over(records(1))
    assert len(toy.buried) == DEAD_LETTERS_IN_A_ROW_MAX + 1


@pytest.mark.parametrize(
    ("key", "value", "written"),
    [
        (b"k", b"v", (b"v", b"k")),
        (b"k", None, (None, b"k")),
        (b"", None, (None, b"")),
        (None, b"v", (b"v", None)),
        (None, None, (b"", None)),
    ],
)
def test_a_dead_letter_holds_what_kafka_python_can_write(
    key: bytes | None, value: bytes | None, written: tuple[bytes | None, bytes | None]
) -> None:
    consume = Consume(group="g.dead")
    toy = Toy(consume)
    (record,) = records(1)
    record.key, record.value = key, value
    record.headers = [("a", None), ("b", b"\xff"), ("a", b""), ("ấn", None)]
    consume._hand_over([record])
    ((topic, given, given_key, headers),) = toy.buried
    assert (topic, (given, given_key)) == ("t.dlq", written)
    assert headers == [
        *[("a", b""), ("b", b"\xff"), ("a", b""), ("ấn", b"")],
        *[("dlq_null", b"a"), ("dlq_null", "ấn".encode())],
        *[("dlq_reason", b"not readable"), ("dlq_origin", b"t/0/0")],
    ]


def test_a_dead_letter_that_is_refused_for_another_reason_than_its_size_is_not_cut() -> None:
    consume = Consume(group="g.dead")
    toy = Toy(consume)
    tried: list[Any] = []

    def write(letters: Any) -> None:
        tried.extend(letters)
        raise Unavailable("no acknowledgement") from (KafkaError("down"))

    consume.publisher = cast(KafkaPublisher, SimpleNamespace(write=write))
    with pytest.raises(Unavailable):
        consume._hand_over(records(1))
    assert len(tried) == 1
    assert toy.buried == []


@pytest.mark.parametrize("error", [KeyError("gone"), ValueError("not assigned")])
def test_a_partition_that_is_taken_while_it_is_claimed_is_lost(error: Exception) -> None:
    consume = Consume(group="g.claim", positions="place")
    place = SimpleNamespace(claim=lambda partition: 7)

    def seek(partition: Any, offset: int) -> None:
        raise error

    consumer = SimpleNamespace(paused=lambda: {TopicPartition("t", 3)}, seek=seek)
    with pytest.raises(OwnershipLost, match="was taken while it was claimed"):
        consume._claim(consumer, place)


@pytest.mark.parametrize(
    ("is_rejoining", "is_needed", "asked"),
    [(True, False, 1), (True, True, 0), (False, False, 0), (False, True, 0)],
)
def test_only_a_rebalance_that_kafka_python_has_forgotten_is_asked_for_again(
    is_rejoining: bool, is_needed: bool, asked: int
) -> None:
    calls = list[str]()
    coordinator = SimpleNamespace(
        rejoining=is_rejoining,
        need_rejoin=lambda: is_needed,
        request_rejoin=lambda: calls.append("rejoin"),
    )
    Consume(group="g.join")._go_on_joining(SimpleNamespace(_coordinator=coordinator))
    assert len(calls) == asked


def test_what_is_published_waits_for_no_further_records() -> None:
    steps, publisher = list[str](), KafkaPublisher()

    class Written:
        topic = "t"

        def get(self, timeout: float) -> Written:
            steps.append("get")
            return self

    class Producer:
        def send(self, *record: Any) -> Written:
            steps.append("send")
            return Written()

        def flush(self, timeout: float) -> None:
            steps.append("flush")

    publisher._producer = cast(Any, Producer())
    publisher.publish([event(), event()])
    assert steps == ["send", "send", "flush", "get", "get"]
