from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaError
from prometheus_client import REGISTRY

from services.cli.processes import free_ports
from services.kernel.config import KernelSettings
from services.kernel.errors import Unavailable
from services.kernel.kafka import Consume, header
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
    record = SimpleNamespace(headers=[("a", b"1"), ("a", b"2"), ("b", b"\xff")])
    assert header(record, "a") == "1"  # type: ignore[arg-type]
    assert header(record, "b") == "\ufffd"  # type: ignore[arg-type]
    assert header(record, "c") == ""  # type: ignore[arg-type]


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
        consume._advance(consumer, "t-0", [record])
    labels = {"group": "g.commit"}
    assert REGISTRY.get_sample_value("kieng_consumer_commit_failures_total", labels) == 1
