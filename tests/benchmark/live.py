"""The aggregator as it runs: real process, real broker, one transaction per flush."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

from kafka import KafkaProducer

from services.kpi.store.snapshots import Snapshots
from tests.benchmark.figures import Figure
from tests.benchmark.generator import TOPIC, Generated
from tests.benchmark.machine import (
    PART_SECONDS_MAX,
    Database,
    Machine,
    cpu_seconds,
    peak_mib,
    wait_until,
)


def produce(bootstrap: str, records: Iterator[Generated]) -> int:
    """Write records to the log; return how many were acknowledged."""
    written = 0
    with closing(KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)) as producer:
        for record in records:
            producer.send(TOPIC, record.value, record.key, headers=record.headers)
            written += 1
        producer.flush()
    return written


def position(database: Database) -> int:
    """Return how many records the view has read."""
    progress = Snapshots(database.mongo).progress(database.view.view_id)
    return sum(progress.next_offsets.values())


def catch_up(machine: Machine, events: int, name: str) -> list[Figure]:
    """Let a new aggregator read a log from its beginning."""
    with machine.database() as database, machine.service("kpi.aggregator", database) as process:
        database_before = cpu_seconds(database.child.pid)
        wait_until(lambda: position(database), 60, "the first flush", pause=0.001)
        first, began = position(database), time.monotonic()
        before = cpu_seconds(process.pid)
        wait_until(lambda: position(database) >= events, PART_SECONDS_MAX, "the end of the log")
        wall, cpu = time.monotonic() - began, cpu_seconds(process.pid) - before
        database_cpu = cpu_seconds(database.child.pid) - database_before
        counted = events - first
        return [
            Figure(f"{name}: rate", counted / wall, "events/s", counted),
            Figure(f"{name}: aggregator", cpu / counted * 1e6, "us CPU/event", counted),
            Figure(f"{name}: database", database_cpu / events * 1e6, "us CPU/event", events),
            Figure(f"{name}: aggregator, peak memory", peak_mib(process.pid), "MiB"),
        ]
