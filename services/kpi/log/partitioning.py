"""Chooses the partition of a record key as Kafka's clients do."""

from __future__ import annotations

from kafka.partitioner import murmur2

SIGN = 0x7FFFFFFF
"""Mask that removes the sign of the hash, as Kafka's clients do."""


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of the records with this key, in a topic with so many partitions."""
    return int(murmur2(key.encode()) & SIGN) % partitions
