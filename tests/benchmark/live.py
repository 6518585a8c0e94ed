"""The aggregator as it runs: real broker, one transaction per flush; and the rebuild of a view."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from kafka import KafkaProducer

from services.kpi.config import RECORDS_MAX
from services.kpi.store.reads import Snapshots
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

LOOP_EVENTS_MAX = 300_000
LIVE_EVENTS_MAX = 1_000_000
UNSENT_MAX = 10_000
POLL_SECONDS = 0.1
"""Seldom enough that asking for the position costs the database nothing that shows."""


def produce(bootstrap: str, records: Iterable[Generated]) -> int:
    """Write records to the log; return how many were acknowledged.

    Raises:
        RuntimeError: some were not.
    """
    written, failed = 0, list[BaseException]()
    with closing(KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)) as producer:
        for record in records:
            sent = producer.send(TOPIC, record.value, record.key, headers=record.headers)
            sent.add_errback(failed.append)
            written += 1
            if written % UNSENT_MAX == 0:
                # The client queues without a limit, and gives up what has waited for two minutes.
                producer.flush()
        producer.flush()
    if failed:
        raise RuntimeError(f"{len(failed)} of {written} were not written, e.g. {failed[0]!r}")
    return written


def position(database: Database) -> int:
    """Return how many records the view has read."""
    progress = Snapshots(database.mongo).progress(database.view.view_id)
    return sum(progress.next_offsets.values())


def is_claimed(database: Database) -> bool:
    """Tell whether an aggregator owns the partition."""
    progress = Snapshots(database.mongo).progress(database.view.view_id)
    return bool(progress.next_offsets)


def catch_up(machine: Machine, events: int, bare_us: float) -> list[Figure]:
    """Let a new aggregator read the log from its beginning; compare with the bare fold."""
    events = min(events, LIVE_EVENTS_MAX)
    with machine.database() as database:
        database_before = cpu_seconds(database.child.pid)
        with machine.service("kpi.aggregator", database) as process:
            # From the claim on: what an import of Python modules costs is no cost of an event.
            wait_until(lambda: is_claimed(database), 120, "the claim of the partition")
            before, began = cpu_seconds(process.pid), time.monotonic()
            first = position(database)
            wait_until(
                lambda: position(database) >= events, PART_SECONDS_MAX, "the end", POLL_SECONDS
            )
            last, wall = position(database), time.monotonic() - began
            cpu, peak = cpu_seconds(process.pid) - before, peak_mib(process.pid)
        database_cpu = cpu_seconds(database.child.pid) - database_before
    counted = last - first
    cost = cpu / counted * 1e6
    how = {"events": last, "batches": f"up to {RECORDS_MAX}"}
    return [
        Figure("live: rate of a catch-up", counted / wall, "events/s", counted, how),
        Figure("live: aggregator", cost, "us CPU/event", counted, how),
        Figure("live: ratio to the bare fold", cost / bare_us, "x", counted, {"target": "<= 2.5"}),
        Figure("live: database beside it", database_cpu / last * 1e6, "us CPU/event", last, how),
        Figure("live: aggregator, peak memory", peak, "MiB", 1, {**how, "target": "< 400"}),
    ]


def loop(machine: Machine, events: int, live_rate: float) -> list[Figure]:
    """Write the same transactions from a loop of pymongo that does nothing else."""
    events = min(events, LOOP_EVENTS_MAX)
    with machine.database() as database:
        view_id = database.view.view_id
        measured = machine.inside("loop", machine.bootstrap, events, database.uri, view_id)
    rate = events / measured["wall"]
    share = {"target": ">= 0.7"}
    return [
        Figure("bare pymongo loop: rate", rate, "events/s", events),
        Figure("live: share of the loop's rate", live_rate / rate, "x", events, share),
    ]


def load(machine: Machine, database: Database, events: int) -> dict[str, Any]:
    """Rebuild a view up to an offset; return its `wall` and `cpu` seconds and its `peak_mib`."""
    environment = machine.environment(database)
    return machine.inside("rebuild", database.view.view_id, events, environment=environment)


def rebuild(machine: Machine, events: int, read_seconds: float) -> list[Figure]:
    """Rebuild a view of the whole log; compare with just reading it."""
    with machine.database() as database:
        before = cpu_seconds(database.child.pid)
        measured = load(machine, database, events)
        database_cpu = cpu_seconds(database.child.pid) - before
    target, each = {"target": "<= 2.5"}, {"of": "the largest process"}
    return [
        Figure("rebuild: rate", events / measured["wall"], "events/s", events),
        Figure("rebuild: process", measured["cpu"] / events * 1e6, "us CPU/event", events),
        Figure("rebuild: database beside it", database_cpu / events * 1e6, "us CPU/event", events),
        Figure(
            "rebuild: ratio to just reading", measured["wall"] / read_seconds, "x", events, target
        ),
        Figure("rebuild: peak memory", measured["peak_mib"], "MiB", 1, each),
    ]
