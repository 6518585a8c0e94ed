"""Chooses the partition of a record key as Kafka's clients do."""

from __future__ import annotations

from kafka.partitioner import murmur2

SIGN = 0x7FFFFFFF
"""Mask that removes the sign of the hash, as Kafka's clients do."""


def partition_of(key: str, partitions: int) -> int:
    """Return the partition, from 0, that Kafka's clients choose for records with this key.

    Args:
        key: key of the records, encoded as UTF-8.
        partitions: number of partitions of the topic.
    """
    return int(murmur2(key.encode()) & SIGN) % partitions
