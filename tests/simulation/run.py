"""One run: authors, relays, aggregators that fight over partitions, and a reader, to the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from google.protobuf.json_format import ParseDict
from pymongo.errors import AutoReconnect

from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import InvalidRecord, OwnershipLost
from services.kpi.domain.catalogue import Catalogue, Rule
from services.kpi.domain.image import Image
from services.kpi.domain.months import month_text
from services.kpi.folding import PartitionFold
from services.kpi.oracle.recompute import CellKey, LogRecord
from services.kpi.store import writes
from services.kpi.store.ledger import Ledger, decode_row
from services.kpi.store.snapshots import Snapshots
from services.kpi.wire import events
from services.kpi.wire.catalogue import decode_catalogue
from tests.simulation import history
from tests.simulation.database import SimulatedMongo
from tests.simulation.world import World, note

VIEW = "g1-c1-f1"
CATALOGUE = Path(__file__).parents[2] / "deploy" / "catalogue" / "indicators.yaml"
Cells = dict[CellKey, int]


@lru_cache(maxsize=1)
def message() -> catalogue_pb2.Catalogue:
    """Return the real indicators and taxonomies with the small tree."""
    deployed = yaml.safe_load(CATALOGUE.read_text())
    found = ParseDict(deployed, catalogue_pb2.Catalogue(version=1))
    found.units.extend(history.units())
    return found


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the real indicators on the small tree."""
    return decode_catalogue(message())


@dataclass
class Outcome:
    """What a run left behind."""

    seed: int
    cells: Cells
    log: list[LogRecord]
    parked: int
    reads: int
    crashes: int
    conflicts: int
    trace: str


class Run:
    """A seeded run.

    Args:
        seed: decides everything.
        ledger_class: what flushes; tests hand in broken ones.
        fold_class: what folds; tests hand in broken ones.
    """

    def __init__(
        self, seed: int, ledger_class: Any = Ledger, fold_class: Any = PartitionFold
    ) -> None:
        self.seed = seed
        self.world = World(seed, crash_rate=0.0)
        rng = self.world.random
        self.world.crash_rate = rng.choice((0.0, 0.01, 0.04))
        self.mongo = SimulatedMongo(self.world)
        self.ledger_class, self.fold_class = ledger_class, fold_class
        self.log = history.Log(rng.choice((1, 1, 3)))
        self.owners = [0] * self.log.partitions
        self.aggregators = rng.randint(1, 3)
        self.outbox: list[tuple[str, str, bytes]] = []
        self.changes_left = rng.randint(8, 25)
        leaves = ["a/x/g", "a/x/h", "a/y", "a/x", "b/x/g", "b", "c"]
        self.authors = [
            history.Author(f"s{i}", rng.choice(leaves), rng.choice(("", "2025-02-14")))
            for i in range(rng.randint(2, 7))
        ]
        self.reads = 0

    def play(self) -> Outcome:
        """Run everything to its end and return what is stored."""
        self.world.spawn("author", self._author)
        for i in range(2):
            self.world.spawn(f"relay-{i}", self._relay)
        for i in range(self.aggregators):
            self.world.spawn(f"aggregator-{i}", lambda i=i: self._aggregator(i))
        self.world.spawn("reader", self._reader)
        # So few notes of changed rows that readers come too late for them, too.
        with patch.object(writes, "NOTES_KEPT", 3):
            self.world.run()
        cells, parked = self._stored()
        note(self.world, sorted(cells.items()))
        return Outcome(
            self.seed,
            cells,
            [LogRecord(self.seed, v) for v in self._foldable()],
            parked,
            self.reads,
            self.world.crashes,
            self.mongo.conflicts,
            self.world.trace(),
        )

    def _author(self) -> None:
        rng = self.world.random
        while self.changes_left:
            self.changes_left -= 1
            if rng.random() < 0.04:
                self.outbox.append(history.poison(rng))
            for event in rng.choice(self.authors).change(rng, keys=3):
                self.outbox.append((event.work_key, events.CHANGED, event.SerializeToString()))
            self.world.point("wrote")

    def _relay(self) -> None:
        rng = self.world.random
        while self.changes_left or self.outbox:
            if self.outbox:
                # Any pending event may go first, and one may be sent again after a crash.
                entry = rng.choice(self.outbox)
                self.log.append(*entry)
                self.world.point("sent")
                if entry in self.outbox:
                    self.outbox.remove(entry)
            self.world.point("relay")

    def _is_written(self) -> bool:
        return not self.changes_left and not self.outbox

    def _aggregator(self, me: int) -> None:
        rng = self.world.random
        ledger = self.ledger_class(self.mongo)
        while not self._is_done():
            partition = rng.randrange(self.log.partitions)
            if rng.random() < 0.05:
                self.owners[partition] = rng.randrange(self.aggregators)
            if self.owners[partition] != me:
                self.world.point("idle")
                continue
            try:
                self._own(ledger, partition)
            except (OwnershipLost, AutoReconnect):
                continue

    def _own(self, ledger: Any, partition: int) -> None:
        rng = self.world.random
        owned = ledger.claim(VIEW, partition)
        fold = self.fold_class(owned, catalogue(), ledger)
        position = owned.next_offset
        while rng.random() > 0.08:
            batch = self.log.records[partition][position : position + rng.randint(1, 6)]
            if not batch and self._is_written():
                return
            if batch:
                fold.apply(batch)
                position = batch[-1].offset + 1
            self.world.point("poll")

    def _is_done(self) -> bool:
        stored = self.mongo.stored.get("progress", {})
        found = {d["p"]: d["next_offset"] for _, d in stored.values() if d["v"] == VIEW}
        ends = {p: len(rows) for p, rows in enumerate(self.log.records)}
        return self._is_written() and all(found.get(p, 0) >= end for p, end in ends.items())

    def _reader(self) -> None:
        """Keep an image as the query process does, and look for impossible answers."""
        snapshots = Snapshots(self.mongo)  # type: ignore[arg-type]
        image, known, is_last = Image(catalogue()), {}, False
        while not is_last:
            is_last = self._is_done()
            try:
                progress, rows = snapshots.changes(VIEW, known)
            except AutoReconnect:
                is_last = False
                continue
            for partition, offset in known.items():
                assert progress.next_offsets[partition] >= offset, "a position went back"
            known = dict(progress.next_offsets)
            for row in rows:
                image.put(row.partition, row.unit_id, row.month, row.cells)
            if self.log.partitions == 1:
                check_consistency(image)
            self.reads += 1
            self.world.point("read")
        assert image.digest() == self._image().digest(), "a reader missed a change"

    def _image(self) -> Image:
        image = Image(catalogue())
        for _, document in self.mongo.stored.get("cells", {}).values():
            image.put(document["p"], document["u"], document["m"], decode_row(document))
        return image

    def _stored(self) -> tuple[Cells, int]:
        cells: Cells = {}
        for _, document in self.mongo.stored.get("cells", {}).values():
            for (column, member), value in decode_row(document).items():
                key = (document["u"], month_text(document["m"]), column, member)
                cells[key] = cells.get(key, 0) + value
        parked = sum(d["parked"] for _, d in self.mongo.stored.get("progress", {}).values())
        return {key: value for key, value in cells.items() if value}, parked

    def _foldable(self) -> list[bytes]:
        found = []
        for rows in self.log.records:
            for record in rows:
                if dict(record.headers)["ce_type"] != events.CHANGED.encode():
                    continue
                try:
                    event = events.decode_changed(record.value)
                    events.decode_statement(event, catalogue(), b"")
                except InvalidRecord:
                    continue
                found.append(record.value)
        return found


def check_consistency(image: Image) -> None:
    """Assert what must hold at every moment, whatever was folded so far."""
    tree = image.catalogue.tree
    first, last = 2025 * 12, 2025 * 12 + 11
    for indicator in image.catalogue.indicators.values():
        if indicator.value is None or indicator.denominator:
            continue
        rule = indicator.value.rule
        for unit_id, number in tree.number.items():
            children = [tree.ids[child] for child in tree.children(number)]
            if not children or rule in (Rule.MONEY_RECEIVED, Rule.DISTINCT):
                continue
            values = [_number(image.value(u, indicator, 1, first, last, 0)) for u in children]
            whole = _number(image.value(unit_id, indicator, 1, first, last, 0))
            assert whole >= max(values), f"{indicator.code} at {unit_id}: less than a child"
            assert min(values) >= 0, f"{indicator.code} below {unit_id}: negative"


def _number(value: Any) -> int:
    return int(getattr(value, "numerator", value))
