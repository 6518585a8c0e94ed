"""Kills and freezes the owners of partitions on Apache Kafka, while somebody writes.

`make test-chaos ROUNDS=20` runs it; it is no part of `make test`, because the owner that is hit
takes the session timeout to be replaced. Every round ends with a moment without writing, in which
every cell has to be the oracle's and every acknowledged version has to be stored.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kieng.kpi.v1 import catalogue_pb2
from kieng.submissions.v1 import events_pb2
from services.cli.backups.restore import drop
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from services.kernel.config import KernelSettings
from services.kernel.mongo import Mongo
from services.kpi.domain.months import month_text
from services.kpi.log.identity import describe_log
from services.kpi.oracle.recompute import CellKey, recompute
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.reads import Snapshots
from services.kpi.store.rows import decode_row
from tests.chaos.members import Member, Members
from tests.chaos.reading import Reader
from tests.chaos.telling import Round, show
from tests.chaos.writing import Writer
from tests.conftest import RunningBroker, RunningDatabase
from tests.simulation.run import message
from tests.waiting import wait_until

ROUNDS = int(os.environ.get("ROUNDS", "3"))
SEED = int(os.environ.get("SEED", "1"))
MEMBERS = 2
READERS = 2
# So many that the owner has records in hand for some seconds, and is frozen with a flush to come.
BURST_CHANGES = 4000
SESSION_SECONDS = 6.0
"""After which the group gives a silent member's partitions away; see KernelSettings."""
# A process frozen inside a transaction holds its documents until the database gives the transaction
# up: 60 seconds, by MongoDB's transactionLifetimeLimitSeconds and by SecantusDB.
RECOVERY_SECONDS_MAX = 100.0
# Period of four: each fault meets each number of partitions, and the first round is a freeze.
PLAN = (("freeze", 1), ("kill", 3), ("kill", 1), ("freeze", 3))

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(180 + ROUNDS * 110),
]


class Stack:
    """Two aggregators in one group, a view to fold, somebody who writes, and those who read.

    Args:
        broker: with the wanted number of partitions.
        mongo: the database; what another stack left there is dropped.
        partitions: of the log.
        folder: gets the logs.
    """

    def __init__(
        self, broker: RunningBroker, mongo: RunningDatabase, partitions: int, folder: Path
    ) -> None:
        self._mongo = Mongo(mongo.uri, 5000)
        drop(self._mongo, DATABASE)
        self._database = self._mongo.database(DATABASE)
        declare(self._database)
        catalogues, self._snapshots = Catalogues(self._mongo), Snapshots(self._mongo)
        published = catalogue_pb2.Catalogue()
        published.CopyFrom(message())
        version = catalogues.publish(published)
        log_id = describe_log(KernelSettings(kafka_bootstrap=broker.bootstrap)).topic_id
        self._view_id = catalogues.open(log_id, version).view_id
        where = {"KIENG_KAFKA_BOOTSTRAP": broker.bootstrap, "KIENG_MONGO_URI": mongo.uri}
        self.members = Members(
            [
                Member(f"aggregator-{number}", port, where, folder)
                for number, port in enumerate(free_ports(MEMBERS))
            ],
            broker.bootstrap,
            partitions,
            self.positions,
        )
        self.writer = Writer(broker.bootstrap, SEED)
        self.readers = [Reader(mongo.uri) for _ in range(READERS)]

    def positions(self) -> dict[int, int]:
        """Return partition -> how far the stored view has read."""
        return dict(self._snapshots.progress(self._view_id).next_offsets)

    def epochs(self) -> dict[int, int]:
        """Return partition -> number of the owner that may write; every new owner raises it."""
        found = self._database["progress"].find({"v": self._view_id})
        return {document["p"]: document["epoch"] for document in found}

    def has_read(self, ends: dict[int, int], further: int = 0) -> bool:
        """Tell whether the stored view has read up to there, or some records further."""
        positions = self.positions()
        return all(positions.get(p, 0) >= end + further for p, end in ends.items())

    def cells(self) -> dict[CellKey, int]:
        """Return the stored cells of all partitions together that are not zero."""
        found: dict[CellKey, int] = {}
        for document in self._database["cells"].find({"v": self._view_id}):
            for (column, member), value in decode_row(document).items():
                key = document["u"], month_text(document["m"]), column, member
                found[key] = found.get(key, 0) + value
        return {key: value for key, value in found.items() if value}

    def versions(self) -> dict[tuple[str, str], int]:
        """Return (work, submission) -> version that is stored."""
        found = {}
        for document in self._database["works"].find({"v": self._view_id}, {"c": 1}):
            for source in document["c"]:
                event = events_pb2.SubmissionChanged.FromString(source)
                found[event.work_key, event.submission_id] = event.version
        return found

    def compare(self, done: Round) -> None:
        """Write nothing until all is read, and note what is lost or wrong."""
        with self.writer.quiet() as ends:
            wait_until(lambda: self.has_read(ends), RECOVERY_SECONDS_MAX, "all is read")
            assert self.positions() == ends
            stored, expected = self.versions(), recompute(self.writer.log, message()).get(0, {})
            acknowledged = self.writer.versions
            done.lost = sum(stored.get(name) != version for name, version in acknowledged.items())
            cells = self.cells()
            done.cells = len(expected)
            done.wrong = sum(cells.get(key) != expected.get(key) for key in {*cells, *expected})

    def close(self) -> None:
        """End what the stack itself began."""
        for reader in self.readers:
            reader.stop()
        self.writer.stop()
        self.members.close()
        self._mongo.close()


@pytest.fixture(scope="module")
def told() -> Iterator[list[Round]]:
    """The rounds of all tests; shown at the end, also when one failed."""
    rounds: list[Round] = []
    yield rounds
    if rounds:
        show(rounds)


@pytest.fixture
def stack(request: pytest.FixtureRequest, partitions: int, tmp_path: Path) -> Iterator[Stack]:
    if request.config.getoption("--broker") != "kafka":
        pytest.skip("killing and freezing runs on Apache Kafka: make test-chaos")
    broker = request.getfixturevalue("start_broker")(partitions)
    made = Stack(broker, request.getfixturevalue("mongo"), partitions, tmp_path)
    with ChildGroup() as supervisor:
        made.members.start(supervisor)
        yield made
        made.close()


def kill(stack: Stack, victim: Member, held: set[int], done: Round) -> None:
    """Kill an owner at once and start it again."""
    began = time.monotonic()
    victim.child.kill()
    ends = stack.writer.ends()
    victim.child.start()
    done.recovery = seconds_until_replaced(stack, {p: ends[p] for p in held}, began)


def freeze(stack: Stack, victim: Member, held: set[int], done: Round) -> None:
    """Freeze an owner with records in hand until it is replaced, so that it wakes as a zombie."""
    refused, ends = victim.refused(), stack.writer.ends()
    stack.writer.burst(BURST_CHANGES)
    wait_until(lambda: any(stack.has_read({p: ends[p]}, 1) for p in held), 30, "it folds them")
    began = time.monotonic()
    victim.signal(signal.SIGSTOP)
    ends = stack.writer.ends()
    done.recovery = seconds_until_replaced(stack, {p: ends[p] for p in held}, began)
    timeout = began + SESSION_SECONDS
    wait_until(lambda: time.monotonic() > timeout, SESSION_SECONDS * 2, "its session is over")
    done.frozen = time.monotonic() - began
    victim.signal(signal.SIGCONT)
    stack.members.flush_pending(RECOVERY_SECONDS_MAX)
    done.refused = victim.refused() - refused


def seconds_until_replaced(stack: Stack, ends: dict[int, int], began: float) -> float:
    """Wait until records behind these ends are counted: all were written after the fault."""
    wait_until(lambda: stack.has_read(ends, 1), RECOVERY_SECONDS_MAX, "another one takes over")
    return time.monotonic() - began


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_killed_or_frozen_owner_never_makes_a_number_wrong(
    stack: Stack, partitions: int, told: list[Round]
) -> None:
    faults = {"kill": kill, "freeze": freeze}
    plan = [PLAN[number % len(PLAN)] for number in range(ROUNDS)]
    rng, readers = random.Random(SEED), stack.readers
    stack.writer.start()
    for reader in readers:
        reader.start()
    for fault in [name for name, wanted in plan if wanted == partitions]:
        owners = stack.members.flush_pending(RECOVERY_SECONDS_MAX)
        victim = owners[rng.choice(sorted(owners))]
        held = {partition for partition, owner in owners.items() if owner is victim}
        epochs, written = stack.epochs(), len(stack.writer.log)
        checked = sum(reader.checked for reader in readers)
        done = Round(partitions, fault)
        told.append(done)
        faults[fault](stack, victim, held, done)
        taken = {p for p, epoch in stack.epochs().items() if epoch > epochs[p]}
        done.hit = held <= taken
        assert done.hit, f"{fault}: it held {held}, but only {taken} got a new owner"
        stack.compare(done)
        done.acknowledged = len(stack.writer.log) - written
        done.reads = sum(reader.checked for reader in readers) - checked
        done.impossible = sum(bool(reader.wrong) for reader in readers)
        assert [reader.wrong for reader in readers] == [""] * READERS
        assert (done.lost, done.wrong) == (0, 0)
        assert done.reads > 0


def test_frozen_owners_woke_up_as_zombies_whose_flush_was_refused(told: list[Round]) -> None:
    if not told:
        pytest.skip("no round was run: make test-chaos")
    frozen = [done for done in told if done.fault == "freeze"]
    assert frozen
    assert min(done.frozen for done in frozen) > SESSION_SECONDS
    assert sum(done.refused for done in frozen) > 0
