"""Writes records that Kafka takes and kafka-python's own producer refuses to send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.producer import record_accumulator
from kafka.record import MemoryRecordsBuilder


class WrongName(str):
    """A header name of bytes that are not UTF-8."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return super().encode("latin-1")


class Null(bytes):
    """Stands for a null header where the producer wants to know a length."""


NULL = Null()


class Builder(MemoryRecordsBuilder):
    """Writes null headers, which the builder of kafka-python can."""

    __slots__ = ()

    def append(self, timestamp: Any, key: Any, value: Any, headers: Any = None) -> Any:
        given = [(name, None if content is NULL else content) for name, content in headers]
        return super().append(timestamp, key, value, given)


@contextmanager
def _building() -> Iterator[None]:
    record_accumulator.MemoryRecordsBuilder = Builder
    try:
        yield
    finally:
        record_accumulator.MemoryRecordsBuilder = MemoryRecordsBuilder


@dataclass(frozen=True)
class Raw:
    """A record; everything that Kafka lets be null may be None."""

    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    timestamp: int | None = None


ALL_AT_ONCE: list[tuple[str, bytes | None]] = [
    ("ce_type", None),
    ("ce_type", None),
    ("", b""),
    (WrongName("\xff\xfe"), b"\xff"),
    ("ce_time", b"soon"),
    ("traceparent", b"\xff"),
    ("traceparent", None),
]
ODD = (
    Raw(b"k", b"v", [("ce_type", None)]),
    Raw(None, None, []),
    Raw(None, None, [("ce_type", None)]),
    Raw(None, b"v", []),
    Raw(b"k", None, [("ce_type", b"")]),
    Raw(b"\xff", b"\xff", [("ce_type", b"\xff\xfe")]),
    Raw(b"k", b"v", [("ce_type", b"one.v1.Type"), ("ce_type", b"another.v1.Type")]),
    Raw(b"k", b"v", [("ce_type", b"one.v1.Type"), ("ce_type", None)]),
    Raw(b"k", b"v", [("ce_type", b"x" * 300)]),
    Raw(b"k", b"v", [(WrongName("ce_type\xff"), b"one.v1.Type")]),
    Raw(b"k", b"v", ALL_AT_ONCE),
    Raw(b"k", b"v", [("ce_id", b"a:" + b"9" * 5000 + b":w"), ("ce_source", None)]),
    Raw(b"k", b"v", [("large", b"x" * 400_000)], timestamp=-1),
    Raw(b"k", b"v", [("n", b"")] * 70_000, timestamp=-(1 << 60)),
)
"""Records that name no usable type."""


def write_raw(bootstrap: str, topic: str, *records: Raw, partition: int = 0) -> None:
    """Write records as they are, in order."""
    place = TopicPartition(topic, partition)
    with _building(), closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        assert partition in (producer.partitions_for(topic) or ())
        for record in records:
            headers = [(name, NULL if value is None else value) for name, value in record.headers]
            # What `send` does after it has checked what it was given.
            future, *_ = producer._accumulator.append(
                place, record.timestamp, record.key, record.value, headers
            )
            producer._sender.wakeup()
            future.get(timeout=10)
