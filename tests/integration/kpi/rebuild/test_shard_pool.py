"""Shards that are gathered in processes of their own are those that one process would gather."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection

import pytest
from kafka import KafkaProducer

from services.kpi.config import Settings
from services.kpi.log.reader import read_partition
from services.kpi.rebuild.bulk_load import here
from services.kpi.rebuild.shard import ShardTotals
from services.kpi.rebuild.shard_pool import ShardPool
from services.kpi.store.writes import PartitionLease
from tests.conftest import RunningBroker
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log

TOPIC = "kieng.submissions.v1"
LOG = log(300)
EVENTS = len(LOG)


@pytest.fixture
def lease(
    stored: Stored,
    start_broker: Callable[[], RunningBroker],
    monkeypatch: pytest.MonkeyPatch,
) -> PartitionLease:
    """A claimed view, the log on a broker, and the settings where the processes find them."""
    broker = start_broker()
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        for record in LOG:
            producer.send(TOPIC, record.value, headers=list(record.headers), partition=0)
        producer.flush()
    monkeypatch.setenv("KIENG_MONGO_URI", stored.mongo.uri)
    monkeypatch.setenv("KIENG_KAFKA_BOOTSTRAP", broker.bootstrap)
    return stored.ledger.claim(stored.view.view_id, 0, is_loader=True)


def processes(lease: PartitionLease, count: int = 2) -> ShardPool:
    return ShardPool(lease, count)


def test_they_are_the_same_in_the_same_order(stored: Stored, lease: PartitionLease) -> None:
    read: list[int] = []
    settings = Settings()
    in_here = here(
        lease, stored.catalogue, lambda end: read_partition(settings, 0, 0, end), generation=1
    )
    wanted = list(in_here(3, EVENTS, lambda records: None))
    assert list(processes(lease)(3, EVENTS, read.append)) == wanted
    sums = [part for part in wanted if isinstance(part, ShardTotals)]
    assert len(sums) == 3
    assert all(each.contributed for each in sums)
    assert read == sorted(read)


def test_who_stops_listening_leaves_no_process_behind(
    stored: Stored, lease: PartitionLease
) -> None:
    shards = processes(lease)(4, EVENTS, lambda records: None)
    next(shards)
    assert multiprocessing.active_children()
    shards.close()
    assert not multiprocessing.active_children()


def test_what_fails_in_a_process_fails_here(stored: Stored, lease: PartitionLease) -> None:
    absent = PartitionLease("absent", 0, 1, 0, 0, 0, frozenset())
    with pytest.raises(LookupError, match="there is no view absent"):
        list(processes(absent)(2, EVENTS, lambda records: None))


def test_an_end_that_is_asked_for_ends_the_work(stored: Stored, lease: PartitionLease) -> None:
    """The parent's note says stop while a shard is waited for; the processes must not go on."""

    def stop(records: int) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.kpi.rebuild.shard_pool.NOTE_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            list(processes(lease)(2, EVENTS, stop))
    assert not multiprocessing.active_children()


def test_a_process_that_is_killed_is_told_and_not_waited_for(
    stored: Stored, lease: PartitionLease
) -> None:
    def kill(records: int) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.kpi.rebuild.shard_pool.NOTE_SECONDS", 0.0)
        with pytest.raises(ChildProcessError):
            list(processes(lease)(2, EVENTS, kill))


def _hold(lease: PartitionLease, end: Connection) -> None:
    shards = processes(lease)(2, EVENTS, lambda records: None)
    next(shards)
    end.send([process.pid for process in multiprocessing.active_children()])
    signal.pause()


def test_they_end_with_a_parent_that_is_killed(stored: Stored, lease: PartitionLease) -> None:
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe()
    parent = context.Process(target=_hold, args=(lease, its))
    parent.start()
    watched = [os.pidfd_open(pid) for pid in mine.recv()]
    assert watched
    parent.kill()
    parent.join()
    for descriptor in watched:
        with open(descriptor, "rb", buffering=0):
            assert select.select([descriptor], [], [], 20)[0]
