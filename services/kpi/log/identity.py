"""The identity of the log: whether it is the one that was folded, and whether it keeps its events.

A topic that was recreated or truncated, or whose records expired, raises no error by itself: its
records would merely seem to be folded already, or be missing. So this is checked whenever a
partition is claimed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from services.kernel.config import KernelSettings
from services.kernel.errors import Unavailable
from services.kernel.kafka import Record
from services.kpi.log.reader import open_consumer, record_at
from services.kpi.log.topic import SUBMISSIONS

REMEDY = "an operator runs `kieng log republish`"
REPARTITION = "an operator runs `kieng log repartition {partitions}`"


@dataclass(frozen=True, slots=True)
class LogDescription:
    """The submissions log as the broker describes it.

    Args:
        topic_id: id that the broker gave to the topic; a topic that is deleted and created again
            gets another one.
        partitions: number of partitions.
        unsafe: settings by which the topic would lose events, e.g. `retention.ms=1000`, separated
            by commas; empty if there are none, or if the broker reports no settings, as the
            embedded one.
    """

    topic_id: str
    partitions: int
    unsafe: str


def event_hash(record: Record) -> str:
    """Return the SHA-256 over key, value and headers of a record, as lower-case hex.

    Absent ones count as empty; offset and timestamp are not included.
    """
    digest = hashlib.sha256()
    parts: list[bytes] = [record.key or b"", record.value or b""]
    for name, value in record.headers:
        parts += [name.encode(), value or b""]
    for part in parts:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()


def describe_log(settings: KernelSettings) -> LogDescription:
    """Return the broker's description of the log: topic id, partitions and unsafe settings.

    Raises:
        Unavailable: the broker is down, or the topic does not exist.
    """
    try:
        with closing(KafkaAdminClient(**settings.kafka_options())) as admin:
            found = admin.describe_topics([SUBMISSIONS])[0]
            # All settings are requested: the embedded broker disconnects if some are named.
            resource = ConfigResource(ConfigResourceType.TOPIC, SUBMISSIONS)
            answer = admin.describe_configs([resource], config_filter="all")
    except KafkaError as error:
        raise Unavailable(f"the broker cannot be reached: {error!r}") from error
    if not found.get("topic_id"):
        raise Unavailable(f"topic {SUBMISSIONS} does not exist; run `kieng topics apply`")
    known = answer.get("topic", {}).get(SUBMISSIONS, {})
    unsafe = unsafe_settings({name: str(entry["value"]) for name, entry in known.items()})
    return LogDescription(str(found["topic_id"]), len(found["partitions"]), unsafe)


def unsafe_settings(settings: Mapping[str, str]) -> str:
    """Return the settings by which a topic loses events, e.g. `cleanup.policy=compact`.

    Compaction and any limit of age or size lose events. Several settings are separated by commas;
    the text is empty if there are none.

    Args:
        settings: name -> value as the broker reports it; a missing setting counts as safe.
    """
    found = []
    if "compact" in settings.get("cleanup.policy", ""):
        found.append(f"cleanup.policy={settings['cleanup.policy']}")
    for name in ("retention.ms", "retention.bytes"):
        if settings.get(name, "-1") not in ("-1", "None", ""):
            found.append(f"{name}={settings[name]}")
    return ", ".join(found)


def beginnings(settings: KernelSettings, partitions: Iterable[int]) -> dict[int, int]:
    """Return partition -> offset of the oldest record in the log; of an empty partition its end.

    Raises:
        Unavailable: the broker is down.
    """
    with open_consumer(settings) as consumer:
        asked = [TopicPartition(SUBMISSIONS, partition) for partition in partitions]
        found = consumer.beginning_offsets(asked)
    return {place.partition: offset for place, offset in found.items()}


def divergence(settings: KernelSettings, partition: int, next_offset: int, last_hash: str) -> str:
    """Return how a partition differs from the one that was folded; empty if it does not.

    It differs if records to be folded are gone, if it ends before the last folded record, or if
    that record now has another content. The end of the partition is found by reading the record
    before ``next_offset``, because the end offset that the embedded broker reports may be too
    small.

    Args:
        settings: how to reach the broker.
        partition: number of the partition.
        next_offset: offset of the next record to fold.
        last_hash: `event_hash` of the record before that; empty if unknown.

    Raises:
        Unavailable: the broker is down, or does not return an existing record.
    """
    place = TopicPartition(SUBMISSIONS, partition)
    with open_consumer(settings) as consumer:
        begin = consumer.beginning_offsets([place])[place]
        if begin > next_offset:
            return f"records {next_offset} to {begin - 1} of partition {partition} are gone"
        if begin == next_offset:
            return ""  # the record before it no longer exists, so it cannot be compared
        found = record_at(consumer, partition, next_offset - 1)
    if found is None:
        return f"partition {partition} ends before offset {next_offset - 1}, which was folded"
    if last_hash and event_hash(found) != last_hash:
        return f"offset {next_offset - 1} of partition {partition} holds another event than folded"
    return ""
