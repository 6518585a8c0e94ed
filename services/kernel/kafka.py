"""The Kafka consumer: the `@consume` entrypoint, which receives batches of records.

A consumer passes the records of one partition at a time to its worker, and commits only when the
worker has returned. After a crash or a rebalance records are delivered again, so workers must be
idempotent.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition, errors
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from opentelemetry.trace import SpanKind

from services.kernel import metrics
from services.kernel.container import Looping
from services.kernel.errors import InvalidRecord, NotReady, OwnershipLost, Unavailable
from services.kernel.mongo import DOWN
from services.kernel.publisher import KafkaPublisher
from services.kernel.quietness import POLL_MS, SHORT_POLL_MS, Quietness
from services.kernel.tracing import span

log = structlog.get_logger()

RETRY_SECONDS = 0.5
DEAD_LETTERS_IN_A_ROW_MAX = 1000
COMMIT_MS_MAX = 5000
TYPE = re.compile(rb"[!-~]{1,255}")


class Record(Protocol):
    """One record as kafka-python delivers it; ``timestamp`` is in milliseconds since 1970.

    Any producer may have written it, so every field that Kafka allows to be null may be None.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Headers of the record in order, as (name, value); a name may occur several times."""


def header(record: Record, name: str) -> str:
    """Return the value of a record's first header of this name; empty if absent or null.

    Bytes that are not UTF-8 are replaced.
    """
    found = (value for key, value in record.headers if key == name)
    return (next(found, None) or b"").decode("utf-8", "replace")


def event_type(record: Record) -> str:
    """Return the CloudEvents type of a record, whether or not the type is known.

    Raises:
        InvalidRecord: `ce_type` is absent, null, given with two different values, or not 1 to 255
            visible ASCII characters. The producer's fault.
    """
    said = {value or b"" for name, value in record.headers if name == "ce_type"}
    if len(said) != 1 or not TYPE.fullmatch(b"".join(said)):
        raise InvalidRecord(f"no usable ce_type: {sorted(said)}", offset=record.offset)
    return said.pop().decode()


class Consume(Looping, ConsumerRebalanceListener):
    """Delivers records of topics to a method, one partition at a time, in order, at least once.

    If the method raises `InvalidRecord`, that record goes to the topic `....dlq` and the others of
    the batch are delivered again. After `OwnershipLost` the consumer rejoins its group; after
    `NotReady`, `Unavailable` or while the database is down it does so after a pause. Any other
    error stops the process.

    Args:
        *topics: topics to read.
        group: consumer group.
        positions: name of the service's attribute that injects a keeper of positions, i.e. a
            provider which stores them together with its own state; empty if positions are stored in
            Kafka. The keeper has ``claim(partition)``, which takes ownership and returns the offset
            to read from, or raises `NotReady`; ``flush_pending()``, called when no records are
            left, which stores everything delivered or raises as the method does;
            ``stored_offset(partition)``, the first offset not stored yet; and ``records_wanted``,
            the size of the next batch.
        max_records: maximum number of records per batch.
    """

    publisher = KafkaPublisher()

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
        self._ticked_at = float("inf")
        self._dead_letters_in_a_row = 0
        super().__init__(**kwargs)
        self.rung_for = topics

    def loop(self) -> None:
        """Consume the topics until stopped; rejoin the group after transient errors."""
        metrics.preset_consumer(self.group, self.topics)
        while not self.stopping.is_set():
            self._ticked_at = time.monotonic()
            try:
                self._consume()
            except OwnershipLost as lost:
                metrics.OWNERSHIP_LOST.labels(self.topics[0], self.group).inc()
                log.warning("ownership lost, rejoining", reason=str(lost))
            except (errors.OffsetOutOfRangeError, errors.LogTruncationError):
                raise  # the log no longer holds the records after the consumer's position
            except (NotReady, Unavailable, errors.KafkaError, *DOWN) as trouble:
                kind = type(trouble).__name__
                if not self.unready.startswith(kind):
                    log.warning("consumer waits", group=self.group, kind=kind, reason=str(trouble))
                self.unready = f"{kind}: {trouble}"
                self.stopping.wait(RETRY_SECONDS)

    @property
    def stalled(self) -> str:
        """Why the consumer's loop counts as hanging; empty if it runs or waits for an outage."""
        seconds = time.monotonic() - self._ticked_at
        hangs = seconds > self.container.settings.stall_seconds
        return f"{self.group} has not polled for {seconds:.0f} s" if hangs else ""

    def _consume(self) -> None:
        options = self.container.settings.consumer_options(self.group, bool(self.positions))
        named = (d for d in self.container.dependencies if d.attr_name == self.positions)
        keeper = next(named, None)
        self._quietness = Quietness()  # who joins is not ready before it has polled
        self._consumer = consumer = KafkaConsumer(**options, max_poll_records=self.max_records)
        self._delivered: deque[tuple[TopicPartition, list[Record]]] = deque()
        poll_ms = POLL_MS
        try:
            self._take_partitions(consumer)
            while not self.stopping.is_set():
                self._ticked_at = time.monotonic()
                self._go_on_joining(consumer)
                self._claim(consumer, keeper)
                most = keeper.records_wanted if keeper else self.max_records
                polled = consumer.poll(timeout_ms=poll_ms, max_records=most)
                self._quietness.note(bool(polled))
                metrics.note_poll(self.group, self.topics, polled)
                for partition, records in polled.items():
                    if self.stopping.is_set():
                        break  # records that were not delivered are not committed
                    if partition in consumer.assignment() - consumer.paused():
                        self._hand_over(records)
                        self._delivered.append((partition, records))
                        self._advance(consumer, keeper)
                if keeper and not polled:
                    keeper.flush_pending()
                    self._advance(consumer, keeper)
                self.unready = "" if consumer.assignment() else "no partition is assigned"
                poll_ms = self._rest(polled)
            if keeper:
                keeper.flush_pending()
                self._advance(consumer, keeper)
        finally:
            consumer.close(timeout_ms=COMMIT_MS_MAX)

    def _rest(self, polled: Mapping[TopicPartition, Sequence[Record]]) -> int:
        """Pause after a poll that found nothing; return how long to wait in the next, in ms."""
        has_bell = bool(self.bell.folder)
        if self.container.settings.kafka_membership != "sole" or (polled and not has_bell):
            return POLL_MS
        if not polled:
            return self._quietness.rest(self.wake, has_bell)
        ends = ((found[-1].offset + 1, self._consumer.highwater(p)) for p, found in polled.items())
        return POLL_MS if any(here < (end or 0) for here, end in ends) else SHORT_POLL_MS

    def _take_partitions(self, consumer: KafkaConsumer) -> None:
        # A member that joins before it knows the topics might never be assigned a partition.
        numbers = [(t, n) for t in self.topics for n in consumer.partitions_for_topic(t) or ()]
        if {topic for topic, _ in numbers} != set(self.topics):
            raise NotReady(f"{', '.join(self.topics)} do not exist; run `kieng topics apply`")
        if self.container.settings.kafka_membership == "group":
            consumer.subscribe(list(self.topics), listener=self)
            return
        # The embedded broker cannot rebalance a group between members (ADR 0005).
        consumer.assign([TopicPartition(*number) for number in numbers])
        self.on_partitions_assigned(consumer.assignment())

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Pause newly assigned partitions until they are claimed; the group coordinator calls this.

        They are also given some position, because kafka-python raises for a partition without one.
        """
        metrics.REBALANCES.labels(self.group).inc()
        for partition in assigned if self.positions else ():
            self._consumer.pause(partition)
            self._consumer.seek(partition, 0)

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Forget the uncommitted batches and the metrics of partitions that the group revokes."""
        gone = set(revoked)
        self._delivered = deque(each for each in self._delivered if each[0] not in gone)
        metrics.forget_partitions(self.group, gone)

    def _go_on_joining(self, consumer: KafkaConsumer) -> None:
        # kafka-python 3.0.12 forgets a rebalance if a poll ends while the group's leader awaits its
        # share: it would beat no more, get no new partition, and poll without a pause.
        coordinator = consumer._coordinator
        if coordinator.rejoining and not coordinator.need_rejoin():
            coordinator.request_rejoin()

    def _claim(self, consumer: KafkaConsumer, keeper: Any) -> None:
        for partition in consumer.paused():
            offset = keeper.claim(partition.partition)
            try:
                consumer.seek(partition, offset)
                consumer.resume(partition)
            except (KeyError, ValueError) as error:
                raise OwnershipLost(f"{partition} was taken while it was claimed") from error

    def _hand_over(self, records: list[Record]) -> None:
        while records:
            callers = (header(record, "traceparent") for record in records)
            facts = {"messaging.system": "kafka", "messaging.batch.message_count": len(records)}
            batch = span(f"process {records[0].topic}", SpanKind.CONSUMER, callers, facts)
            try:
                with batch, self.container.worker(self) as method:
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
            raise RuntimeError(f"too many invalid records in a row, the last: {reason}")
        log.error("record is invalid", offset=record.offset, reason=reason)
        metrics.RECORDS_DEAD.labels(record.topic, self.group).inc()
        origin = f"{record.topic}/{record.partition}/{record.offset}"
        marks = [("dlq_reason", reason.encode("utf-8", "replace")), ("dlq_origin", origin.encode())]
        nulls = [("dlq_null", name.encode()) for name, value in record.headers if value is None]
        headers = [(name, value or b"") for name, value in record.headers]
        # kafka-python can write neither null headers nor a record without both key and value.
        value = record.value or b"" if record.key is None else record.value
        try:
            self.publisher.write(
                [(f"{record.topic}.dlq", value, record.key, [*headers, *nulls, *marks])]
            )
        except Unavailable as error:
            if not isinstance(error.__cause__, errors.MessageSizeTooLargeError):
                raise
            # Too large with the added headers; the whole record remains in the original topic.
            marks.append(("dlq_truncated", b"true"))
            self.publisher.write([(f"{record.topic}.dlq", b"", None, marks)])

    def _advance(self, consumer: KafkaConsumer, keeper: Any) -> None:
        """Commit and count, in order, the delivered batches that have been stored, and ring."""
        while self._delivered:
            partition, records = self._delivered[0]
            if keeper and keeper.stored_offset(partition.partition) <= records[-1].offset:
                return
            self._delivered.popleft()
            self.bell.ring(self.group)
            self._commit(consumer, partition, records)
            metrics.count_records(self.group, records, consumer.highwater(partition) or 0)

    def _commit(self, consumer: KafkaConsumer, partition: Any, records: list[Record]) -> None:
        offsets = {partition: OffsetAndMetadata(records[-1].offset + 1)}
        refused = metrics.COMMIT_FAILURES.labels(self.group)
        if self.positions:
            # Only for lag dashboards: reading starts where `claim` says, so failures are harmless.
            consumer.commit_async(offsets, lambda _, said: refused.inc(isinstance(said, Exception)))
        else:
            with refused.count_exceptions():
                consumer.commit(offsets, timeout_ms=COMMIT_MS_MAX)


consume = Consume.decorator
