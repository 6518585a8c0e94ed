"""One run: authors, relays, aggregators, builders, a steward and readers, to the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from kieng.kpi.v1 import catalogue_pb2
from tests.simulation import catalogues, history
from tests.simulation.database import TRANSACTIONS_IN, SimulatedMongo
from tests.simulation.loss import Loss
from tests.simulation.office import INSTITUTIONS, Office, lost
from tests.simulation.platform import Platform, simulated
from tests.simulation.reader import Standing
from tests.simulation.world import World, note


def message() -> catalogue_pb2.Catalogue:
    """Return the real catalogue on the small tree."""
    return catalogues.frozen(1).message


@dataclass
class Outcome:
    """What a run left behind.

    Args:
        seed: which run it was.
        standings: views as they were read or are stored, for the oracle.
        complaints: what its own checks found.
        counts: what happened.
        trace: hash of everything that happened, in order.
    """

    seed: int
    standings: list[Standing]
    complaints: list[str]
    counts: dict[str, int]
    trace: str


class Run:
    """A seeded run.

    Args:
        seed: decides everything.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.world = World(seed, crash_rate=0.0)
        self.world.crash_rate = self.world.random.choice((0.0, 0.01, 0.03))
        self.mongo = SimulatedMongo(self.world)
        self.log = history.Log(self.world.random.choice((1, 1, 3)))

    def play(self) -> Outcome:
        """Run everything to its end and return what is stored."""
        with simulated(self.world):
            self.office = Office(self.world, self.mongo, self.log)
            self.loss = Loss(self.world, self.mongo, self.log, self.office)
            self.platform = Platform(self.world, self.mongo, self.log, self.office, self.loss)
            self._spawn()
            self.world.run()
        return self._outcome()

    def _spawn(self) -> None:
        rng, spawn = self.world.random, self.world.spawn
        for i in range(rng.randint(1, 2)):
            spawn(f"author-{i}", self.office.author)
        for i in range(2):
            spawn(f"relay-{i}", self.office.relay)
        for i in range(self.platform.aggregators):
            spawn(f"aggregator-{i}", partial(self.platform.aggregator, i))
        if self.platform.wishes_left:
            spawn("steward", self.platform.steward)
            for i in range(rng.randint(1, 2)):
                spawn(f"builder-{i}", partial(self.platform.builder, i))
        if self.loss.losses_left:
            spawn("accident", self.loss.accident)
            for i in range(rng.randint(1, 2)):
                spawn(f"operator-{i}", self.loss.operator)
        spawn("reader", self.platform.reader.run)

    def _outcome(self) -> Outcome:
        platform, reader = self.platform, self.platform.reader
        live = self.mongo.databases[TRANSACTIONS_IN]["views"][reader.live_id()][1]
        progress = self.mongo.documents(TRANSACTIONS_IN, "progress")
        parked = sum(d["parked"] for d in progress if d["v"] == live["_id"])
        frozen = catalogues.frozen(live["catalogue_version"])
        known, expected = frozen.known, self.log.parked(frozen.judge)
        # Who fills a log may die when all have published that are in the tree of the new view.
        filled = sorted(known.intersection(INSTITUTIONS)) if self.loss.losses else INSTITUTIONS
        complaints = lost(self.office, filled)
        if parked != expected:
            complaints.append(f"{parked} records are parked, {expected} should be")
        standings = reader.left() + ([reader.kept] if reader.kept else [])
        for each in standings:
            note(self.world, (each.what, sorted(each.cells.items())))
        return Outcome(
            self.seed,
            standings,
            complaints,
            {
                "reads": reader.checks,
                "crashes": self.world.crashes,
                "conflicts": self.mongo.conflicts,
                "unknown": self.mongo.unknown,
                "unread": self.mongo.unread,
                "unheard": platform.unheard,
                "refused": platform.refused,
                "swaps": reader.swaps,
                "losses": self.loss.losses,
                "parked": parked,
                "standings": len(standings),
                "records": sum(self.log.ends().values()),
            },
            self.world.trace(),
        )


@contextmanager
def quietly() -> Iterator[None]:
    """Let the services say nothing: thousands of runs would fill the screen."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        yield
    finally:
        structlog.configure(**before)
