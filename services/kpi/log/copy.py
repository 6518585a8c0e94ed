"""Reads everything the submissions log holds when the reading begins, however it grows meanwhile.

Where it ends is asked of the broker. Apache Kafka tells exactly; the embedded broker tells an
offset in its last batch. So a partition is read to its end when one of these holds:

- A later answer is greater than the first one, and reached: the last batch of the first answer was
  finished before.
- Every answer is reached and nothing more comes: silent polls, then an answer, which a broker that
  hangs does not give, then a silent poll again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from services.kernel.config import KernelSettings, load
from services.kernel.errors import Unavailable
from services.kernel.kafka import Record
from services.kpi.log.file import FileRecord
from services.kpi.log.identity import SUBMISSIONS

POLL_MS = 200
QUIET_POLLS = 5
SILENT_POLLS_MAX = 150
"""Half a minute."""


def records_of(bootstrap: str) -> Iterator[FileRecord]:
    """Read the whole log of a broker; what is written meanwhile may follow.

    Raises:
        Unavailable: there is no log, or the broker does not hand all of it out.
        kafka.errors.KafkaError: the broker cannot be reached.
    """
    settings = load(KernelSettings).model_copy(update={"kafka_bootstrap": bootstrap})
    consumer = KafkaConsumer(
        **settings.kafka_options(),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        allow_auto_create_topics=False,
        fetch_max_wait_ms=50,
        max_poll_records=5000,
    )
    with closing(consumer):
        numbers = sorted(consumer.partitions_for_topic(SUBMISSIONS) or ())
        if not numbers:
            raise Unavailable(f"{bootstrap} has no topic {SUBMISSIONS}; run `kieng topics apply`")
        partitions = [TopicPartition(SUBMISSIONS, number) for number in numbers]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        for r in whole(consumer, partitions):
            yield FileRecord(r.partition, r.offset, r.timestamp, r.key, r.value, list(r.headers))


def whole(consumer: Any, partitions: Sequence[TopicPartition]) -> Iterator[Record]:
    """Yield all records of partitions that are assigned and stand at their beginning.

    Args:
        consumer: a `KafkaConsumer`; partitions are paused in it as soon as they are done.
        partitions: what is read.

    Raises:
        Unavailable: a partition does not go on and its end is not reached.
    """
    first, begins = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
    left = {place for place in partitions if first[place] > begins[place]}
    surely: dict[TopicPartition, int] = {}
    silent = 0
    while left:
        polled = consumer.poll(timeout_ms=POLL_MS)
        for records in polled.values():
            yield from records
        silent = 0 if polled else silent + 1
        reached = {place for place in left if consumer.position(place) >= first[place]}
        if asked := sorted(reached - surely.keys()):
            answers = consumer.end_offsets(asked)
            surely |= {p: answer for p, answer in answers.items() if answer > first[p]}
        done = {p for p in reached if p in surely and consumer.position(p) >= surely[p]}
        if silent > QUIET_POLLS:
            done |= reached - surely.keys()
        if done:
            consumer.pause(*done)
            left -= done
        elif silent > SILENT_POLLS_MAX:
            place = min(left)
            ends = f"partition {place.partition} stops at offset {consumer.position(place)}"
            raise Unavailable(f"{ends}, but reaches to {surely.get(place, first[place])}")
