"""The KPI side: the real claim, fold, flush, build, swap and refresh, over the simulated world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from pymongo.errors import AutoReconnect

from services.kernel.errors import NotReady, OwnershipLost, WrongState
from services.kpi import (
    building,
    folding,
    following,
    gathering,
    live,
    owning,
    rebuilder,
    rebuilding,
)
from services.kpi.building import Building, Comparison, Failed
from services.kpi.domain.image import Image
from services.kpi.live import LiveView
from services.kpi.log_identity import LogDescription, event_hash
from services.kpi.owning import OwnedPartitions
from services.kpi.store import registry as registry_module
from services.kpi.store import writes
from services.kpi.store.ledger import decode_row
from services.kpi.store.registry import Registry
from services.kpi.store.snapshots import Snapshots
from services.kpi.store.views import Vector, View
from services.submissions import relay as relay_module
from tests.simulation import catalogues, history
from tests.simulation.consistency import check_consistency
from tests.simulation.database import TRANSACTIONS_IN, SimulatedMongo
from tests.simulation.world import World

TOPIC_ID = "the-log"
ANY_NUMBER = 1_000_000


class Platform:
    """Aggregators that fight over partitions, builders, a steward and readers.

    Args:
        world: decides.
        mongo: keeps the views.
        log: what is folded.
    """

    def __init__(self, world: World, mongo: SimulatedMongo, log: history.Log) -> None:
        self.world, self.mongo, self.log = world, mongo, log
        rng = world.random
        self.owners = [0] * log.partitions
        self.aggregators = rng.randint(1, 4)
        self.wishes_left = rng.choice((0, 1, 1, 2, 3, 4))
        self.reads = self.refused = self.swaps = 0
        self.retired: dict[tuple[str, int], dict[int, int]] = {}
        self.settings = SimpleNamespace(
            parked_in_a_row_max=1000,
            parked_per_10000_max=100,
            rebuild_processes=1,
            platform=self,
        )
        for version in range(1, 5):
            frozen = catalogues.frozen(version)
            mongo.database(TRANSACTIONS_IN)["catalogues"].insert_one(frozen.document)
        self.registry = self.a_registry()
        self.registry.open(TOPIC_ID, 1)

    def a_registry(self) -> Registry:
        """Return a registry, as every process has one."""
        return Registry(self.mongo)  # type: ignore[arg-type]

    def aggregator(self, me: int) -> None:
        """Claim and fold one partition after the other; owners change at any time."""
        rng = self.world.random
        owned = OwnedPartitions()
        owned.container = SimpleNamespace(settings=self.settings)
        owned.connection = SimpleNamespace(mongo=self.mongo)
        owned.setup()
        while not self.is_done():
            partition = rng.randrange(self.log.partitions)
            if rng.random() < 0.05:
                self.owners[partition] = rng.randrange(self.aggregators)
            if self.owners[partition] != me:
                self.world.point("idle")
                continue
            try:
                self._own(owned, partition)
            except OwnershipLost:
                self.refused += 1
            except (NotReady, AutoReconnect):
                self.world.point("waits")

    def _own(self, owned: OwnedPartitions, partition: int) -> None:
        rng = self.world.random
        position = owned.claim(partition)
        while rng.random() > 0.08:
            batch = self.log.records[partition][position : position + rng.randint(1, 6)]
            if not batch and self.is_written():
                return
            if batch:
                owned.fold(batch)
                position = batch[-1].offset + 1
            self.world.point("poll")

    def builder(self) -> None:
        """Take a view that is to be built from step to step; another builder may do the same."""
        building_ = Building(self.a_registry(), _Inline(self))
        while not self.is_done():
            try:
                view = building_.wanted()
                if view is not None:
                    building_.step(view)
            except (AutoReconnect, OwnershipLost):
                pass  # the next step looks again
            self.world.point("build")

    def steward(self) -> None:
        """Publish other catalogues, and go back to the former view, while everything runs."""
        rng, registry = self.world.random, self.a_registry()
        while self.wishes_left:
            for _ in range(rng.choice((0, 5, 30))):
                self.world.point("ponder")
            self.wishes_left -= 1
            try:
                if rng.random() < 0.35:
                    registry.roll_back()
                else:
                    allowed = rng.choice((None, ANY_NUMBER))
                    registry.build_beside(rng.randint(1, 4), allowed)
            except (WrongState, AutoReconnect):
                pass  # one is being built already, or there is no way back

    def reader(self) -> None:
        """Refresh an image as the query process does, and look for impossible answers."""
        targets = SimpleNamespace(all=lambda: [])
        snapshots = Snapshots(self.mongo)  # type: ignore[arg-type]
        image = LiveView(self.a_registry(), snapshots, targets)  # type: ignore[arg-type]
        known: Mapping[int, int] = {}
        view_id, is_last = "", False
        while not is_last:
            is_last = self.is_done()
            try:
                image.refresh()
            except AutoReconnect:
                is_last = False
                continue
            with image.read() as moment:
                for partition, offset in known.items():
                    found = moment.progress.next_offsets.get(partition, 0)
                    assert found >= offset, f"position went back: {found} < {offset}"
                if moment.progress.next_offsets != known or view_id != moment.view.view_id:
                    check_consistency(moment.image)
                self.swaps += bool(view_id) and view_id != moment.view.view_id
                known, view_id = dict(moment.progress.next_offsets), moment.view.view_id
                last = moment.image
            self._look_at_the_retired()
            self.reads += 1
            self.world.point("read")
        assert last.digest() == self.stored_image().digest(), "a reader missed a change"

    def _look_at_the_retired(self) -> None:
        """Assert that a view which answers no more stands still until somebody wants it again."""
        progress = self.mongo.documents(TRANSACTIONS_IN, "progress")
        stored = self.mongo.databases[TRANSACTIONS_IN]["views"]
        # With the number of changes of its document: it may have answered again in between.
        now = {
            (view_id, changes): {d["p"]: d["next_offset"] for d in progress if d["v"] == view_id}
            for view_id, (changes, view) in stored.items()
            if view["state"] == "retired"
        }
        for view, stood in self.retired.items():
            assert now.get(view, stood) == stood, f"{view[0]} goes on though it is retired"
        self.retired = now

    def is_done(self) -> bool:
        """Whether everything is said, folded and decided."""
        if self.world.is_alive("steward") or not self.is_written():
            return False
        views = self.mongo.documents(TRANSACTIONS_IN, "views")
        if any(view["phase"] for view in views):
            return False
        here = self.live_id()
        progress = self.mongo.documents(TRANSACTIONS_IN, "progress")
        found = {d["p"]: d["next_offset"] for d in progress if d["v"] == here}
        return all(found.get(p, 0) >= end for p, end in self.log.ends().items())

    def is_written(self) -> bool:
        """Whether nothing more will come; the run sets it."""
        raise NotImplementedError

    def live_id(self) -> str:
        """Return the view that answers, read past the simulated network."""
        (pointer,) = self.mongo.documents(TRANSACTIONS_IN, "pointer")
        return str(pointer["view_id"])

    def stored_image(self) -> Image:
        """Return the stored cells of the view that answers."""
        here = self.live_id()
        image = Image(catalogues.frozen(self.live_version()).catalogue)
        for d in self.mongo.documents(TRANSACTIONS_IN, "cells"):
            if d["v"] == here:
                image.put(d["p"], d["u"], d["m"], decode_row(d))
        return image

    def live_version(self) -> int:
        """Return the catalogue version of the view that answers."""
        return int(self.live_id().split("-")[1].removeprefix("c"))

    def parked(self) -> int:
        """Return how many records the view that answers set aside."""
        progress = self.mongo.documents(TRANSACTIONS_IN, "progress")
        return sum(d["parked"] for d in progress if d["v"] == self.live_id())


class _Inline:
    """Does the work of child processes here and now; a crash kills child and parent at once."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def fold(self, view: View, ends: Vector) -> bool:
        platform = self._platform
        try:
            for partition, end in ends.items():
                rebuilder._bring_up(
                    platform.settings,  # type: ignore[arg-type]
                    platform.mongo,  # type: ignore[arg-type]
                    view.view_id,
                    partition,
                    end,
                )
        except OwnershipLost:
            return True  # its owner folds it now
        except (AutoReconnect, RuntimeError) as error:
            raise Failed(str(error)) from error
        return True

    def verify(self, view: View, ends: Vector) -> Comparison | None:
        # The run compares the view that answers at the end; asking DuckDB here costs a second.
        return None if self._platform.world.random.random() < 0.3 else Comparison()

    def stop(self) -> None:
        pass


def _describe(settings: Any) -> LogDescription:
    return LogDescription(TOPIC_ID, settings.platform.log.partitions, "")


def _divergence(settings: Any, partition: int, next_offset: int, last_hash: str) -> str:
    if not next_offset:
        return ""
    platform: Platform = settings.platform
    platform.world.point("look at the log")
    rows = platform.log.records[partition]
    if next_offset > len(rows):
        return "the log ends before"
    found = event_hash(rows[next_offset - 1])  # type: ignore[arg-type]
    return "" if found == last_hash else "another event stands there"


def _read_partition(settings: Any, partition: int, begin: int, end: int) -> Iterator[Any]:
    platform: Platform = settings.platform
    while begin < end:
        platform.world.point("fetch")
        batch = platform.log.records[partition][begin : min(end, begin + 5)]
        yield batch
        begin += len(batch)


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """Put the world in place of brokers and clocks, and small numbers in place of large ones."""
    clock = SimpleNamespace(monotonic=world.monotonic)
    rng = world.random
    places: tuple[tuple[Any, str, Any], ...] = (
        (owning, "describe_log", _describe),
        (owning, "divergence", _divergence),
        (owning, "read_partition", _read_partition),
        (rebuilder, "read_partition", _read_partition),
        (owning, "time", clock),
        (live, "time", clock),
        (relay_module, "time", clock),
        (registry_module, "decode_catalogue", _decoded),
        # So few notes of changed rows that readers come too late for them, too.
        (writes, "NOTES_KEPT", 3),
        (rebuilding, "CHUNK_DOCUMENTS", rng.choice((2, 5, 50))),
        (gathering, "CHUNK_WORKS", rng.choice((2, 5, 50))),
        (gathering, "EVENTS_PER_SHARE", rng.choice((7, 1000))),
        (following, "FOLLOW_GAP_MAX", rng.choice((2, 10))),
        (building, "FOLLOW_GAP_MAX", rng.choice((2, 10))),
        (folding, "WORKS_IN_MEMORY_MAX", rng.choice((2, 50))),
    )
    with ExitStack() as stack:
        for place in places:
            stack.enter_context(patch.object(*place))
        yield


def _decoded(message: Any) -> Any:
    return catalogues.decoded(message.SerializeToString(deterministic=True))
