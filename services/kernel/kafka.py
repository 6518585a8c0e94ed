"""Kafka: the `@consume` entrypoint for batches, and the publisher of CloudEvents.

A consumer hands its worker the records of one partition at a time and advances only when the worker
has returned. A worker may see a record again after a crash or a rebalance; it must be idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

import structlog
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension

from services.kernel import metrics
from services.kernel.config import KernelSettings
from services.kernel.container import NativeThread
from services.kernel.errors import InvalidRecord, NotReady, OwnershipLost, Unavailable

log = structlog.get_logger()

POLL_MS = 200
SESSION_MS = 6000
RETRY_SECONDS = 0.5
DEAD_LETTERS_IN_A_ROW_MAX = 1000
PUBLISH_SECONDS_MAX = 10.0


class Record(Protocol):
    """One record as kafka-python delivers it; ``timestamp`` is in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


def header(record: Record, name: str) -> str:
    """Return a header as text; empty when the record does not carry it."""
    for key, value in record.headers:
        if key == name:
            return value.decode("utf-8", "replace")
    return ""


class Consume(Entrypoint):
    """Hands a method the records of topics, as a list of one partition's records in order.

    Delivery: at least once. Errors of the method: `InvalidRecord` sends that record to the topic
    `....dlq` and hands the others over again; `OwnershipLost` rejoins; anything else stops.

    Args:
        *topics: topics to read.
        group: consumer group.
        positions: attribute name of a provider that keeps the positions beside its own state; its
            ``claim(partition)`` makes this process the owner and returns the offset to read from,
            or raises `NotReady`. Empty keeps them in Kafka.
        max_records: most records per batch.
    """

    def __init__(
        self,
        *topics: str,
        group: str = "",
        positions: str = "",
        max_records: int = 500,
        **kwargs: Any,
    ) -> None:
        self.topics = topics
        self.group = group
        self.positions = positions
        self.max_records = max_records
        self.unready = "the consumer has not started"
        super().__init__(**kwargs)

    def setup(self) -> None:
        """Make the thread that owns the consumer."""
        name = f"consume-{self.method_name}"
        self.thread = NativeThread(name, self._loop, self.container)
        self._dead_letters_in_a_row = 0

    def start(self) -> None:
        """Start the thread."""
        self.thread.start()

    def stop(self) -> None:
        """Finish the present batch, leave the group and end the thread."""
        self.thread.stop()

    def _loop(self) -> None:
        while not self.thread.stopping.is_set():
            try:
                self._consume()
            except OwnershipLost as lost:
                metrics.OWNERSHIP_LOST.labels(self.topics[0], self.group).inc()
                log.warning("ownership lost, rejoining", reason=str(lost))
            except NotReady as wait:
                self._wait_because(str(wait))
            except KafkaError as error:
                self._wait_because(f"broker: {error!r}")

    def _wait_because(self, reason: str) -> None:
        if self.unready != reason:
            log.warning("consumer waits", group=self.group, reason=reason)
        self.unready = reason
        self.thread.stopping.wait(RETRY_SECONDS)

    def _consume(self) -> None:
        consumer = _new_consumer(self.container.settings, self.group, self.max_records)
        owned: set[TopicPartition] = set()
        try:
            _take_partitions(consumer, self.topics, self.container.settings)
            while not self.thread.stopping.is_set():
                batches = consumer.poll(timeout_ms=POLL_MS)
                if consumer.assignment() != owned:
                    owned = set(consumer.assignment())
                    if self._claim(consumer, owned):
                        continue  # what was polled may stand before the claimed position
                self.unready = "" if owned else "no partition is assigned"
                for partition, records in batches.items():
                    self._hand_over(records)
                    self._advance(consumer, partition, records[-1])
        finally:
            consumer.close()

    def _claim(self, consumer: KafkaConsumer, owned: set[TopicPartition]) -> bool:
        if not self.positions:
            return False
        provider = next(d for d in self.container.dependencies if d.attr_name == self.positions)
        for partition in owned:
            consumer.seek(partition, provider.claim(partition.partition))
        return True

    def _hand_over(self, records: list[Record]) -> None:
        while records:
            try:
                with self.container.worker(self) as method:
                    method(records)
                self._dead_letters_in_a_row = 0
                return
            except InvalidRecord as invalid:
                bad = next((r for r in records if r.offset == invalid.offset), records[0])
                self._bury(bad, str(invalid))
                records = [record for record in records if record is not bad]

    def _bury(self, record: Record, reason: str) -> None:
        self._dead_letters_in_a_row += 1
        if self._dead_letters_in_a_row > DEAD_LETTERS_IN_A_ROW_MAX:
            raise RuntimeError(
                f"over {DEAD_LETTERS_IN_A_ROW_MAX} invalid records in a row: {reason}"
            )
        log.error("record is invalid", offset=record.offset, reason=reason)
        metrics.RECORDS_DEAD.labels(record.topic, self.group).inc()
        origin = f"{record.topic}/{record.partition}/{record.offset}"
        marks = [("dlq_reason", reason.encode()), ("dlq_origin", origin.encode())]
        headers = [*record.headers, *marks]
        with closing(_new_producer(self.container.settings)) as producer:
            sent = producer.send(f"{record.topic}.dlq", record.value, record.key, headers=headers)
            sent.get(timeout=PUBLISH_SECONDS_MAX)

    def _advance(self, consumer: KafkaConsumer, partition: TopicPartition, last: Record) -> None:
        next_offset = last.offset + 1
        # With own positions the commit only feeds lag dashboards; `claim` says where to start.
        consumer.commit({partition: OffsetAndMetadata(next_offset)})
        metrics.POSITION.labels(last.topic, self.group, partition.partition).set(next_offset)
        metrics.LAST_RECORD_TIMESTAMP.labels(last.topic, self.group).set(last.timestamp / 1000)


consume = Consume.decorator


def _new_consumer(settings: KernelSettings, group: str, max_records: int) -> KafkaConsumer:
    return KafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap,
        group_id=group,
        # A new group reads everything; a position that fell out of the log must not jump silently.
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        partition_assignment_strategy=[CooperativeStickyAssignor],
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 3,
        max_poll_records=max_records,
        fetch_max_wait_ms=settings.kafka_fetch_wait_ms,
        bootstrap_timeout_ms=5000,
    )


def _take_partitions(
    consumer: KafkaConsumer, topics: Iterable[str], settings: KernelSettings
) -> None:
    if settings.kafka_membership == "group":
        consumer.subscribe(list(topics))
        return
    # The embedded broker cannot hand a group over from one member to the next (ADR 0005).
    partitions = [
        TopicPartition(topic, number)
        for topic in topics
        for number in consumer.partitions_for_topic(topic) or ()
    ]
    if not partitions:
        raise NotReady(f"topics {', '.join(topics)} do not exist; run `kieng topics apply`")
    consumer.assign(partitions)


@dataclass(frozen=True, slots=True)
class Event:
    """One CloudEvent 1.0 for Kafka, binary binding.

    ``value`` is the encoded protobuf message of the name ``type``; ``key`` chooses the partition.
    """

    event_id: str
    topic: str
    key: str
    type: str
    source: str
    value: bytes
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    traceparent: str = ""

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the record's headers."""
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": self.event_id,
            "ce_type": self.type,
            "ce_source": self.source,
            "ce_subject": self.key,
            "ce_time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "ce_dataschema": f"kieng:{self.type}",
            "content-type": "application/protobuf",
        }
        if self.traceparent:
            attributes["traceparent"] = self.traceparent
        return [(name, text.encode()) for name, text in attributes.items()]


def _new_producer(settings: KernelSettings) -> KafkaProducer:
    return KafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap,
        acks="all",
        linger_ms=0,
        max_block_ms=5000,
        delivery_timeout_ms=9000,
        request_timeout_ms=5000,
        bootstrap_timeout_ms=5000,
    )


class KafkaPublisher(SharedExtension):
    """The process's one producer. Thread-safe."""

    @cached_property
    def producer(self) -> KafkaProducer:
        """The producer."""
        return _new_producer(self.container.settings)

    def stop(self) -> None:
        """Close the producer when there is one."""
        if "producer" in self.__dict__:
            self.producer.close(timeout=PUBLISH_SECONDS_MAX)

    def publish(self, events: Iterable[Event]) -> None:
        """Write events in order and return when every one is acknowledged by all replicas.

        Raises:
            Unavailable: the broker did not acknowledge; some events may be written. Repeat all.
        """
        try:
            futures = [
                self.producer.send(e.topic, e.value, e.key.encode(), headers=e.headers())
                for e in events
            ]
            for future in futures:
                future.get(timeout=PUBLISH_SECONDS_MAX)
        except KafkaError as error:
            raise Unavailable(f"the broker does not acknowledge: {error!r}") from error


class Publisher(DependencyProvider):
    """Injects ``publish(events)``, see `KafkaPublisher.publish`."""

    publisher = KafkaPublisher()

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[Iterable[Event]], None]:
        """Return the function."""
        return self.publisher.publish
