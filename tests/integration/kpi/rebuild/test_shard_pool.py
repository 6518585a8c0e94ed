"""Shards that are gathered in processes of their own are those that one process would gather."""

from __future__ import annotations

import os
import pickle
import select
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer

from services.kpi.config import Settings
from services.kpi.log.reader import read_partition
from services.kpi.process import Child, ChildFailed
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
    return ShardPool(Settings(), lease, count)


STARTED: list[Child] = []


class Noted(Child):
    """A child that the test knows of."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        STARTED.append(self)


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kpi.rebuild.shard_pool.Child", Noted)
    STARTED.clear()


def running() -> list[Child]:
    return [child for child in STARTED if child.is_running]


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
    assert running()
    shards.close()
    assert not running()


def test_what_fails_in_a_process_fails_here(stored: Stored, lease: PartitionLease) -> None:
    absent = PartitionLease("absent", 0, 1, 0, 0, 0, frozenset())
    with pytest.raises(ChildFailed, match="there is no view absent"):
        list(processes(absent)(2, EVENTS, lambda records: None))


def test_an_end_that_is_asked_for_ends_the_work(stored: Stored, lease: PartitionLease) -> None:
    """The parent's note says stop while a shard is waited for; the processes must not go on."""

    def stop(records: int) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.kpi.rebuild.shard_pool.NOTE_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            list(processes(lease)(2, EVENTS, stop))
    assert not running()


def test_a_process_that_is_killed_is_told_and_not_waited_for(
    stored: Stored, lease: PartitionLease
) -> None:
    def kill(records: int) -> None:
        for child in running():
            child.process.kill()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.kpi.rebuild.shard_pool.NOTE_SECONDS", 0.0)
        with pytest.raises(ChildFailed, match="ended with code -9"):
            list(processes(lease)(2, EVENTS, kill))


PARENT = """
import pickle, signal, sys
from services.kpi.config import Settings
from services.kpi.rebuild import shard_pool

pool = shard_pool.ShardPool(Settings(), pickle.load(sys.stdin.buffer), 2)
real, children = shard_pool.Child, []
shard_pool.Child = lambda *given: children.append(real(*given)) or children[-1]
shards = pool(2, int(sys.argv[1]), lambda records: None)
next(shards)
print(*(child.process.pid for child in children), flush=True)
signal.pause()
"""


def test_they_end_with_a_parent_that_is_killed(stored: Stored, lease: PartitionLease) -> None:
    command = [sys.executable, "-c", PARENT, str(EVENTS)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pickle.dump(lease, parent.stdin)
        parent.stdin.flush()
        watched = [os.pidfd_open(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(watched) == 2
        parent.kill()
    for descriptor in watched:
        with open(descriptor, "rb", buffering=0):
            assert select.select([descriptor], [], [], 20)[0]
