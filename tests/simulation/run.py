"""One run: authors, relays, aggregators, builders, a steward and readers, to the end."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from kieng.kpi.v1 import catalogue_pb2
from services.kpi.domain.months import month_text
from services.kpi.oracle.recompute import CellKey, LogRecord
from services.kpi.store.ledger import decode_row
from tests.simulation import catalogues, history
from tests.simulation.database import TRANSACTIONS_IN, SimulatedMongo
from tests.simulation.office import Office, lost
from tests.simulation.platform import Platform, simulated
from tests.simulation.world import World, note

Cells = dict[CellKey, int]


def message() -> catalogue_pb2.Catalogue:
    """Return the real catalogue on the small tree."""
    return catalogues.frozen(1).message


@dataclass
class Outcome:
    """What a run left behind; ``complaints`` are what its own checks found."""

    seed: int
    version: int
    cells: Cells
    log: list[LogRecord]
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
            self.platform = Platform(self.world, self.mongo, self.log)
            self.platform.is_written = lambda: self.office.is_written  # type: ignore[method-assign]
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
            spawn(f"aggregator-{i}", lambda i=i: self.platform.aggregator(i))
        if self.platform.wishes_left:
            spawn("steward", self.platform.steward)
            for i in range(rng.randint(1, 2)):
                spawn(f"builder-{i}", self.platform.builder)
        spawn("reader", self.platform.reader)

    def _outcome(self) -> Outcome:
        platform, version = self.platform, self.platform.live_version()
        known = catalogues.frozen(version).known
        complaints = lost(self.office)
        parked, expected = platform.parked(), self.log.parked(known)
        if parked != expected:
            complaints.append(f"{parked} records are parked, {expected} should be")
        cells = self._cells()
        note(self.world, sorted(cells.items()))
        return Outcome(
            self.seed,
            version,
            cells,
            [LogRecord(self.seed, e.SerializeToString()) for e in self.log.changes(known)],
            complaints,
            {
                "reads": platform.reads,
                "crashes": self.world.crashes,
                "conflicts": self.mongo.conflicts,
                "unknown": self.mongo.unknown,
                "refused": platform.refused,
                "swaps": platform.swaps,
                "parked": parked,
                "records": sum(self.log.ends().values()),
            },
            self.world.trace(),
        )

    def _cells(self) -> Cells:
        cells: Cells = {}
        here = self.platform.live_id()
        for document in self.mongo.documents(TRANSACTIONS_IN, "cells"):
            if document["v"] == here:
                for (column, member), value in decode_row(document).items():
                    key = (document["u"], month_text(document["m"]), column, member)
                    cells[key] = cells.get(key, 0) + value
        return {key: value for key, value in cells.items() if value}


def quietly() -> None:
    """Let the services say nothing: thousands of runs would fill the screen."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
