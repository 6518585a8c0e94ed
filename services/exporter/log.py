"""Reads from the broker: ends of the log, positions of groups, times of records, and sizes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import IncompatibleBrokerVersion, KafkaError

from services.exporter.domain import READERS, Disk, GroupPosition, LogFolder
from services.kernel.config import KernelSettings

PREFIX = "kieng."
PEEK_BYTES_MAX = 65_536
PEEK_SECONDS_MAX = 2.0
# With the client's default of 30 s a hanging broker would count as up for that long.
REQUEST_TIMEOUT_MS = 5000


class LogWatch:
    """Measures the log of one Kafka cluster; to be replaced after an error. Not thread-safe.

    Args:
        settings: connection settings of the broker.

    Raises:
        KafkaError: the broker cannot be reached.
    """

    def __init__(self, settings: KernelSettings) -> None:
        options = {**settings.kafka_options(), "request_timeout_ms": REQUEST_TIMEOUT_MS}
        self._consumer = KafkaConsumer(
            **options,
            enable_auto_commit=False,
            allow_auto_create_topics=False,
            fetch_max_wait_ms=50,
            max_partition_fetch_bytes=PEEK_BYTES_MAX,
        )
        try:
            self._admin = KafkaAdminClient(**options)
        except KafkaError:
            self._consumer.close(timeout_ms=1000)
            raise

    def close(self) -> None:
        """Close both connections; an error of the broker is ignored."""
        with suppress(KafkaError):
            self._consumer.close(timeout_ms=1000)
        with suppress(KafkaError):
            self._admin.close()

    def ends(self) -> dict[TopicPartition, tuple[int, int]]:
        """Return partition -> (first offset, offset after the last record) of all `kieng.` topics.

        Both offsets of an empty partition are equal; without topics the result is empty.

        Raises:
            KafkaError: the broker does not answer.
        """
        topics = sorted(name for name in self._consumer.topics() if name.startswith(PREFIX))
        partitions = [
            TopicPartition(topic, number)
            for topic in topics
            for number in self._consumer.partitions_for_topic(topic) or ()
        ]
        if not partitions:
            return {}
        begins = self._consumer.beginning_offsets(partitions)
        reported = self._consumer.end_offsets(partitions)
        # The embedded broker reports an end within the last batch; a fetch reports the true one.
        seen = self._peek(reported)
        return {p: (begins[p], max(reported[p], seen[p][0])) for p in partitions}

    def positions(
        self, ends: Mapping[TopicPartition, tuple[int, int]]
    ) -> dict[tuple[str, TopicPartition], GroupPosition]:
        """Return (group, partition) -> position, for the groups and topics in `READERS`.

        Partitions that are not in ``ends`` are omitted; a group that has no position in one has an
        unknown position there.

        Args:
            ends: partition -> (first offset, offset after the last record), as `ends` returns them.

        Raises:
            KafkaError: the broker does not answer.
        """
        found = {}
        for group, topics in READERS.items():
            partitions = [partition for partition in ends if partition.topic in topics]
            if not partitions:
                continue
            answer = self._admin.list_group_offsets({group: partitions}).get(group, {})
            for partition in partitions:
                known = answer.get(partition)
                position = known.offset if known is not None and known.offset >= 0 else None
                found[group, partition] = GroupPosition(position, *ends[partition])
        return found

    def written_at(
        self, oldest: Mapping[tuple[str, TopicPartition], int]
    ) -> dict[tuple[str, TopicPartition], float]:
        """Return (group, partition) -> time at which a record was written, in Unix seconds.

        Records that cannot be read in time are omitted.

        Args:
            oldest: (group, partition) -> offset of the record.
        """
        found = {}
        for group in {group for group, _ in oldest}:
            offsets = {p: offset for (name, p), offset in oldest.items() if name == group}
            for partition, (_, written) in self._peek(offsets).items():
                if written is not None:
                    found[group, partition] = written
        return found

    def folders(self) -> list[LogFolder]:
        """Return the log folders of all brokers; empty for the embedded broker, which has none.

        Raises:
            KafkaError: the broker does not answer.
        """
        try:
            reported = self._admin.describe_log_dirs()
        except IncompatibleBrokerVersion:
            return []  # the embedded broker, whose log is in memory
        return [_folder(node["broker"], folder) for node in reported for folder in node["log_dirs"]]

    def _peek(
        self, offsets: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, tuple[int, float | None]]:
        """Return partition -> (end, time of the record at the given offset, None if not read)."""
        consumer = self._consumer
        consumer.unsubscribe()
        consumer.assign(list(offsets))
        for partition, offset in offsets.items():
            consumer.seek(partition, offset)
        written: dict[TopicPartition, float] = {}
        deadline = time.monotonic() + PEEK_SECONDS_MAX
        while time.monotonic() < deadline and not _is_complete(consumer, offsets, written):
            for partition, records in consumer.poll(timeout_ms=100, max_records=1).items():
                written.setdefault(partition, records[0].timestamp / 1000)
                consumer.pause(partition)
        return {p: (consumer.highwater(p) or 0, written.get(p)) for p in offsets}


def _is_complete(
    consumer: KafkaConsumer, offsets: Mapping[TopicPartition, int], written: Iterable[Any]
) -> bool:
    ends = {partition: consumer.highwater(partition) for partition in offsets}
    return all(
        end is not None and (partition in written or offsets[partition] >= end)
        for partition, end in ends.items()
    )


def _folder(broker: int, reported: Mapping[str, Any]) -> LogFolder:
    topics: dict[str, int] = {}
    for topic in reported["topics"]:
        if topic["name"].startswith(PREFIX):
            topics[topic["name"]] = sum(each["partition_size"] for each in topic["partitions"])
    # Kafka before 3.3 omits the size; an offline folder reports -1.
    total, free = reported.get("total_bytes", -1), reported.get("usable_bytes", -1)
    return LogFolder(broker, topics, Disk(total, free) if total > 0 <= free else None)
