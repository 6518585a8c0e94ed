"""The partition of a key, as Kafka's clients choose it."""

from __future__ import annotations

from kafka.partitioner import murmur2

SIGN = 0x7FFFFFFF
"""Kafka's clients drop the sign of the hash."""


def partition_of(key: str, partitions: int) -> int:
    """Return the partition in which records of a key are, in a log of so many partitions."""
    return int(murmur2(key.encode()) & SIGN) % partitions
