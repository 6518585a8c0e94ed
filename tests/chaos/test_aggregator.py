"""Kills and freezes real aggregators on Apache Kafka; afterwards every cell equals the oracle's.

`make test-chaos ROUNDS=20` runs it; it is no part of `make test`, because a frozen owner takes the
session timeout to be replaced.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaProducer

from kieng.kpi.v1 import catalogue_pb2
from services.cli.processes import Child, Supervisor, free_ports
from services.kernel.config import KernelSettings
from services.kernel.mongo import Mongo
from services.kpi.domain.months import month_text
from services.kpi.log_identity import SUBMISSIONS, describe_log
from services.kpi.oracle.recompute import CellKey, LogRecord, recompute
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.ledger import decode_row
from services.kpi.store.registry import Registry
from services.kpi.store.snapshots import Snapshots
from services.kpi.wire import events
from tests.chaos.reading import Reader
from tests.conftest import RunningBroker, RunningDatabase
from tests.simulation import history
from tests.simulation.run import message

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SEED = int(os.environ.get("SEED", "1"))
EVENTS_PER_ROUND = 300
READERS = 2
# A process frozen inside a transaction holds its documents until the database gives the transaction
# up: 60 seconds, by MongoDB's transactionLifetimeLimitSeconds and by SecantusDB.
RECOVERY_SECONDS_MAX = 100.0

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(120 + ROUNDS * 110),
]


def wait_until(is_so: Callable[[], bool], seconds: float, what: str) -> float:
    """Return how long it took, or fail."""
    begin = time.monotonic()
    while not is_so():
        assert time.monotonic() - begin < seconds, f"not within {seconds:g} s: {what}"
        signal.sigtimedwait([signal.SIGUSR2], 0.02)
    return time.monotonic() - begin


class Stack:
    """Two aggregators in one group, a view to fold, and a log to write."""

    def __init__(self, broker: RunningBroker, mongo: RunningDatabase, folder: Path) -> None:
        self.mongo = Mongo(mongo.uri, 5000)
        self.registry, self.snapshots = Registry(self.mongo), Snapshots(self.mongo)
        declare(self.mongo.database(DATABASE))
        published = catalogue_pb2.Catalogue()
        published.CopyFrom(message())
        version = self.registry.publish(published)
        log_id = describe_log(KernelSettings(kafka_bootstrap=broker.bootstrap)).topic_id
        self.view = self.registry.open(log_id, version)
        self.producer = KafkaProducer(bootstrap_servers=broker.bootstrap, acks="all")
        self.log: list[LogRecord] = []
        self.ports = free_ports(2)
        self.aggregators = [
            Child(
                f"aggregator-{i}",
                [sys.executable, "-m", "services.kernel.runner", "kpi.aggregator"],
                {
                    **os.environ,
                    "KIENG_KAFKA_BOOTSTRAP": broker.bootstrap,
                    "KIENG_MONGO_URI": mongo.uri,
                    "KIENG_HTTP_PORT": str(port),
                },
                folder / f"aggregator-{i}.log",
            )
            for i, port in enumerate(self.ports)
        ]

    def write(self, rng: random.Random, authors: list[history.Author]) -> None:
        """Append events; every acknowledged one is in the log that the oracle reads."""
        for _ in range(EVENTS_PER_ROUND):
            for event in rng.choice(authors).change(rng, keys=200):
                value = event.SerializeToString()
                for _ in range(2 if rng.random() < 0.02 else 1):
                    self.producer.send(
                        SUBMISSIONS,
                        value,
                        event.work_key.encode(),
                        headers=[("ce_type", events.CHANGED.encode())],
                    ).get(timeout=30)
                    self.log.append(LogRecord(0, value))

    def position(self) -> int:
        """Return how many records the view has read."""
        return sum(self.snapshots.progress(self.view.view_id).next_offsets.values())

    def cells(self) -> dict[CellKey, int]:
        """Return the stored cells that are not zero."""
        found = {}
        for document in self.mongo.database(DATABASE)["cells"].find({}):
            for (column, member), value in decode_row(document).items():
                found[document["u"], month_text(document["m"]), column, member] = value
        return found

    def lost(self) -> int:
        """Return how many batches were given up because another process took the partition."""
        total = 0
        for port, child in zip(self.ports, self.aggregators, strict=True):
            if child.poll() is not None:
                continue
            with closing(urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics")) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith("kieng_consumer_ownership_lost_total{"):
                        total += int(float(line.rsplit(" ", 1)[1]))
        return total

    def close(self) -> None:
        """Stop what the stack itself opened."""
        self.producer.close()
        self.mongo.close()


@pytest.fixture
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    if request.config.getoption("--broker") != "kafka":
        pytest.skip("killing and freezing runs on Apache Kafka: make test-chaos")
    broker = request.getfixturevalue("fresh_broker")
    made = Stack(broker, request.getfixturevalue("mongo"), tmp_path)
    with Supervisor() as supervisor:
        for child in made.aggregators:
            supervisor.start(child, lambda: "", 5)
        yield made
    made.close()


def kill(stack: Stack, rng: random.Random) -> None:
    """Kill an aggregator at once and start it again."""
    victim = rng.choice(stack.aggregators)
    victim.kill()
    victim.start()


def freeze(stack: Stack, rng: random.Random) -> None:
    """Freeze an aggregator past its session, so that it wakes as a zombie."""
    victim = rng.choice(stack.aggregators)
    os.kill(victim.pid, signal.SIGSTOP)
    written = len(stack.log)
    wait_until(lambda: stack.position() >= written, RECOVERY_SECONDS_MAX, "the other takes over")
    os.kill(victim.pid, signal.SIGCONT)


def test_killed_and_frozen_aggregators_never_make_a_number_wrong(stack: Stack) -> None:
    rng = random.Random(SEED)
    leaves = ["a/x/g", "a/x/h", "a/y", "a/x", "b/x/g", "b", "c"]
    authors = [history.Author(f"s{i}", rng.choice(leaves)) for i in range(150)]
    recovery: dict[str, list[float]] = {"kill": [], "freeze": []}
    readers = [Reader(stack.mongo.uri) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    stack.write(rng, authors)
    wait_until(lambda: stack.position() >= len(stack.log), RECOVERY_SECONDS_MAX, "first read")
    for number in range(ROUNDS):
        name, fault = ("kill", kill) if number % 2 == 0 else ("freeze", freeze)
        stack.write(rng, authors)
        begin = time.monotonic()
        fault(stack, rng)
        wait_until(lambda: stack.position() >= len(stack.log), RECOVERY_SECONDS_MAX, name)
        recovery[name].append(time.monotonic() - begin)
        expected = recompute(stack.log, message()).get(0, {})
        assert stack.cells() == expected, f"round {number}, {name}: cells differ"
        assert [reader.wrong for reader in readers] == [""] * READERS
    for reader in readers:
        reader.stop()
    for name, seconds in recovery.items():
        print(f"{name}: recovery in seconds: {distribution(seconds)}")
    reads, refused = sum(reader.reads for reader in readers), stack.lost()
    print(
        f"{ROUNDS} rounds, {len(stack.log)} acknowledged records, 0 lost, 0 wrong cells, "
        f"{reads} reads, 0 impossible, {refused} flushes of former owners refused"
    )
    assert reads > ROUNDS


def distribution(seconds: list[float]) -> str:
    """Return median, ninth decile and maximum, and all of them in order."""
    if not seconds:
        return "none"
    ordered = sorted(seconds)
    p50, p90 = (ordered[min(len(ordered) - 1, len(ordered) * part // 10)] for part in (5, 9))
    listed = " ".join(f"{second:.1f}" for second in ordered)
    return f"p50 {p50:.1f}, p90 {p90:.1f}, max {ordered[-1]:.1f} ({listed})"
