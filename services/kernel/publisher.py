"""Publishes CloudEvents to Kafka: the event, the process's one producer and its provider."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kafka import KafkaProducer
from kafka.errors import KafkaError
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, SharedExtension
from opentelemetry.trace import SpanKind

from services.kernel.bell import Bell
from services.kernel.errors import Unavailable
from services.kernel.tracing import span

PUBLISH_SECONDS_MAX = 10.0

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Event:
    """One CloudEvent 1.0, to be written in Kafka's binary binding.

    Args:
        event_id: unique id of the event.
        topic: Kafka topic.
        key: record key, which determines the partition; also the CloudEvents subject.
        type: full name of the protobuf message in ``value``.
        source: CloudEvents source, e.g. the service and its institution.
        value: the encoded message.
        time: when the event occurred.
        traceparent: W3C trace context of the cause; empty if unknown.
    """

    event_id: str
    topic: str
    key: str
    type: str
    source: str
    value: bytes
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    traceparent: str = ""

    def headers(self) -> Headers:
        """Return the headers of the Kafka record: CloudEvents attributes and trace context.

        Attributes without a value, e.g. an unknown trace context, are omitted.
        """
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": self.event_id,
            "ce_type": self.type,
            "ce_source": self.source,
            "ce_subject": self.key,
            "ce_time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "ce_dataschema": f"kieng:{self.type}",
            "content-type": "application/protobuf",
            "traceparent": self.traceparent,
        }
        return [(name, text.encode()) for name, text in attributes.items() if text]


class KafkaPublisher(SharedExtension):
    """The process's one Kafka producer of CloudEvents. Thread-safe."""

    bell = Bell()

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._producer: KafkaProducer | None = None

    @property
    def producer(self) -> KafkaProducer:
        """The Kafka producer, created on first use.

        Raises:
            KafkaError: no broker answers.
        """
        with self._lock:
            if self._producer is None:
                self._producer = KafkaProducer(**self.container.settings.producer_options())
            return self._producer

    def stop(self) -> None:
        """Close the producer if there is one. Nothing is lost: each call awaited its records."""
        if self._producer is not None:
            _close(self._producer)

    def publish(self, events: Iterable[Event]) -> None:
        """Publish events in order; return when all replicas have acknowledged every one of them.

        Without events, nothing is written.

        Raises:
            Unavailable: the broker did not acknowledge all events; some may have been written.
                Publish all of them again.
        """
        events = list(events)
        facts = {"messaging.system": "kafka", "messaging.batch.message_count": len(events)}
        with span("send", SpanKind.PRODUCER, (e.traceparent for e in events), facts):
            self.write((e.topic, e.value, e.key.encode(), e.headers()) for e in events)

    def write(self, records: Iterable[tuple[str, bytes | None, bytes | None, Headers]]) -> None:
        """Write raw records in order, as `publish` does with events.

        Args:
            records: (topic, value, key, headers) of each record.

        Raises:
            Unavailable: the broker did not acknowledge a record in time. Write all of them again.
        """
        producer = None
        try:
            producer = self.producer
            futures = [producer.send(*record) for record in records]
            # Sends at once what else would linger, to travel with further records.
            producer.flush(PUBLISH_SECONDS_MAX)
            self.bell.ring(*{future.get(timeout=PUBLISH_SECONDS_MAX).topic for future in futures})
        except KafkaError as error:
            self._forget(producer)
            raise Unavailable(f"the broker does not acknowledge: {error!r}") from error

    def _forget(self, producer: KafkaProducer | None) -> None:
        # An idempotent producer never recovers after the broker loses its log, so it is replaced.
        with self._lock:
            if producer is not None and producer is self._producer:
                self._producer = None
                threading.Thread(target=_close, args=(producer,), daemon=True).start()


def _close(producer: KafkaProducer) -> None:
    with suppress(KafkaError):
        producer.close(timeout=PUBLISH_SECONDS_MAX)


class Publisher(DependencyProvider):
    """Injects the function `KafkaPublisher.publish`."""

    publisher = KafkaPublisher()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Iterable[Event]], None]:
        """Return the function that publishes events; every worker gets the same one."""
        return self.publisher.publish
