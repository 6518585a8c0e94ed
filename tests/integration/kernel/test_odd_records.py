"""Records that no service of ours writes, and that Kafka takes all the same."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafka import KafkaProducer
from prometheus_client import REGISTRY

from services.kernel.config import KernelSettings
from services.kernel.errors import InvalidRecord
from services.kernel.kafka import Record, event_type, header
from tests.integration.kernel.raw_records import ALL_AT_ONCE, ODD, Raw, WrongName, write_raw
from tests.integration.kernel.reading import everything, new_topic, reader, running

GOOD = Raw(b"k", b"good", [("ce_type", b"a.v1.Known"), ("unused", None), ("unused", b"\xff")])


def demand_types(records: list[Record]) -> None:
    for record in records:
        event_type(record)


def dead(topic: str) -> float:
    labels = {"topic": topic, "group": f"group.{topic}"}
    found = REGISTRY.get_sample_value("kieng_consumer_records_dead_lettered_total", labels)
    assert found is not None
    return found


def test_the_producer_of_kafka_python_still_refuses_what_is_written_here(
    settings: KernelSettings,
) -> None:
    with closing(KafkaProducer(bootstrap_servers=settings.kafka_bootstrap)) as producer:
        with pytest.raises(TypeError, match="must be"):
            producer.send("t", b"v", headers=[("ce_type", None)])
        with pytest.raises(ValueError, match="Need at least one"):
            producer.send("t")


def test_every_odd_record_is_buried_once_and_the_others_are_handled(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    odd_and_good = [each for odd in ODD for each in (odd, GOOD)]
    write_raw(settings.kafka_bootstrap, topic, *odd_and_good)
    with running(
        reader(topic), settings, lambda notes: setattr(notes, "answer", demand_types)
    ) as run:
        run.notes.wait(lambda: len(run.notes.handed) == len(ODD))
    assert run.notes.values == ["good"] * len(ODD)
    assert [offset for offset, _ in run.notes.handed] == [2 * n + 1 for n in range(len(ODD))]
    assert run.container.failure is None
    assert dead(topic) == len(ODD)

    buried = everything(settings.kafka_bootstrap, f"{topic}.dlq", len(ODD))
    assert len(buried) == len(ODD)
    for number, (odd, letter) in enumerate(zip(ODD, buried, strict=True)):
        assert (letter.key, letter.value or b"") == (odd.key, odd.value or b"")
        assert header(letter, "dlq_origin") == f"{topic}/0/{2 * number}"
        assert header(letter, "dlq_reason").startswith("no usable ce_type")
        kept = [value for _, value in letter.headers[: len(odd.headers)]]
        assert kept == [value or b"" for _, value in odd.headers]


def test_a_dead_letter_names_what_was_null_and_keeps_every_name_that_is_text(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    write_raw(settings.kafka_bootstrap, topic, Raw(b"k", None, ALL_AT_ONCE))
    with running(
        reader(topic), settings, lambda notes: setattr(notes, "answer", demand_types)
    ) as run:
        (letter,) = everything(settings.kafka_bootstrap, f"{topic}.dlq", 1)
        assert run.container.failure is None
    assert letter.value is None
    nulls = [value for name, value in letter.headers if name == "dlq_null"]
    assert nulls == [b"ce_type", b"ce_type", b"traceparent"]
    names = [name for name, _ in letter.headers[: len(ALL_AT_ONCE)]]
    assert names == ["ce_type", "ce_type", "", "\ufffd\ufffd", "ce_time", *["traceparent"] * 2]


def test_a_header_name_that_is_no_text_does_not_change_the_records_beside_it(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    key, value = b"\xff\xfek", b"\xff\xfev"
    named = Raw(key, value, [("ấn", b"\xff\xfe"), (WrongName("a\xff"), b"\xff\xfe")])
    write_raw(settings.kafka_bootstrap, topic, named, Raw(key, value, [("ấn", None)]))
    first, second = everything(settings.kafka_bootstrap, topic, 2)
    assert (first.key, first.value) == (second.key, second.value) == (key, value)
    assert type(first.key) is type(first.value) is bytes
    assert first.headers == [("ấn", b"\xff\xfe"), ("a\ufffd", b"\xff\xfe")]
    assert second.headers == [("ấn", None)]


def test_a_record_that_is_too_large_with_its_marks_is_buried_without_its_content(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    large = Raw(b"k", b"x" * ((1 << 20) - 100), [])
    write_raw(settings.kafka_bootstrap, topic, large, GOOD)

    def refuse_large(records: list[Record]) -> None:
        for record in records:
            if len(record.value or b"") > 100:
                raise InvalidRecord("cannot be decoded", offset=record.offset)

    with running(
        reader(topic), settings, lambda notes: setattr(notes, "answer", refuse_large)
    ) as run:
        run.notes.wait_for("good")
        assert run.container.failure is None
    (letter,) = everything(settings.kafka_bootstrap, f"{topic}.dlq", 1)
    assert (letter.key, letter.value) == (None, b"")
    assert header(letter, "dlq_reason") == "cannot be decoded"
    assert header(letter, "dlq_origin") == f"{topic}/0/0"
    assert header(letter, "dlq_truncated") == "true"
    assert dead(topic) == 1
