"""Finds the end of the submissions log by reading it."""

from __future__ import annotations

import time

from kafka import KafkaConsumer, TopicPartition

from kieng.kpi.v1 import view_pb2
from services.cli.admin import broker
from services.cli.errors import DOWN, Failure

TOPIC = "kieng.submissions.v1"
QUIET_SECONDS = 1.0
READ_SECONDS_MAX = 120.0


def submissions(bootstrap: str) -> list[view_pb2.PartitionProgress]:
    """Return for each partition of the submissions log the offset after its last record.

    The log is read until no record comes for a second, because the embedded broker reports too
    small an end offset.

    Raises:
        Failure: the topic does not exist, or records are still being written.
    """
    consumer = KafkaConsumer(
        **broker.options(bootstrap),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        fetch_max_wait_ms=100,
    )
    try:
        numbers = sorted(consumer.partitions_for_topic(TOPIC) or ())
        if not numbers:
            raise Failure(f"{bootstrap} has no topic {TOPIC}: run `kieng topics apply`", DOWN)
        partitions = [TopicPartition(TOPIC, number) for number in numbers]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        begin = newest = time.monotonic()
        while time.monotonic() - newest < QUIET_SECONDS:
            if consumer.poll(timeout_ms=200, max_records=5000):
                newest = time.monotonic()
            if time.monotonic() - begin > READ_SECONDS_MAX:
                raise Failure(f"the end of {TOPIC} is not reached: somebody writes on", DOWN)
        return [
            view_pb2.PartitionProgress(partition=tp.partition, next_offset=consumer.position(tp))
            for tp in partitions
        ]
    finally:
        consumer.close()
