"""Reads one partition of the submissions log from one position up to another, outside any group."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from services.kernel.config import KernelSettings
from services.kernel.errors import Unavailable
from services.kernel.kafka import Record
from services.kpi.log.identity import SUBMISSIONS

TOPIC = SUBMISSIONS
RECORDS_PER_BATCH = 5000
POLL_MS = 200
SILENT_SECONDS_MAX = 30.0


def read_partition(
    settings: KernelSettings, partition: int, begin: int, end: int
) -> Iterator[list[Record]]:
    """Yield the records from ``begin`` up to but not including ``end``, in batches.

    ``end`` is a position that somebody has read up to; the end that a broker tells may lag behind.

    Raises:
        Unavailable: the broker does not hand them out in time.
    """
    if begin >= end:
        return
    try:
        consumer = KafkaConsumer(
            **settings.kafka_options(),
            auto_offset_reset="none",
            enable_auto_commit=False,
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=settings.kafka_fetch_wait_ms,
            max_poll_records=RECORDS_PER_BATCH,
        )
        with closing(consumer):
            yield from _batches(consumer, TopicPartition(TOPIC, partition), begin, end)
    except KafkaError as error:
        raise Unavailable(f"the log cannot be read: {error!r}") from error


def _batches(
    consumer: KafkaConsumer, place: TopicPartition, begin: int, end: int
) -> Iterator[list[Record]]:
    consumer.assign([place])
    consumer.seek(place, begin)
    heard_at = time.monotonic()
    while consumer.position(place) < end:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            wanted = [record for record in records if record.offset < end]
            if wanted:
                yield wanted
            # Whoever takes the records may take their time; the broker is not silent meanwhile.
            heard_at = time.monotonic()
            if records[-1].offset >= end - 1:
                return
        if time.monotonic() - heard_at > SILENT_SECONDS_MAX:
            raise Unavailable(f"{place} ends before offset {end}")
