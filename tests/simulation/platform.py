"""The KPI side: the real claim, fold, flush, build and swap, over the simulated world."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from kafka.errors import OffsetOutOfRangeError
from pymongo.errors import AutoReconnect

from services.kernel.errors import NotReady, OwnershipLost, Unavailable, WrongState
from services.kernel.mongo import MongoConnection
from services.kernel.publisher import Event, KafkaPublisher
from services.kpi.log.identity import LogDescription, event_hash
from services.kpi.projection import (
    flush_size,
    followers,
    ownership,
    partition_fold,
    write_behind,
)
from services.kpi.projection.ownership import OwnedPartitions
from services.kpi.query import live_view
from services.kpi.rebuild import bulk_load, lifecycle, shard, worker
from services.kpi.rebuild.lifecycle import Failed, OracleReport, Rebuild
from services.kpi.store import catalogues as catalogue_store
from services.kpi.store import change_notes, ledger
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.views import Vector, View
from services.submissions import outbox as outbox_module
from services.submissions import republish as republish_module
from tests.simulation import catalogues, history
from tests.simulation.database import TRANSACTIONS_IN, SimulatedMongo
from tests.simulation.loss import Loss
from tests.simulation.office import Office
from tests.simulation.reader import Reader
from tests.simulation.world import CALM_FROM, REST_STEPS, Lock, Pool, World

ANY_NUMBER = 1_000_000
LOG_FAILURE_RATE = 0.01
POLL_RECORDS = 6


class Platform:
    """Aggregators that fight over partitions, builders, a steward and readers.

    Args:
        world: decides.
        mongo: keeps the views.
        log: what is folded.
        office: fills it.
        loss: loses it, and has it filled again.
    """

    def __init__(
        self, world: World, mongo: SimulatedMongo, log: history.Log, office: Office, loss: Loss
    ) -> None:
        self.world, self.mongo, self.log = world, mongo, log
        self.office, self.loss = office, loss
        rng = world.random
        self.owners = [0] * log.partitions
        self.aggregators = rng.randint(1, 4)
        self.wishes_left = rng.choice((0, 1, 1, 2, 3, 4))
        self.refused = self.unheard = 0
        self.notices: dict[str, bytes] = {}
        self.reader = Reader(world, mongo, log, self.is_done, loss.check_whole)
        self.settings = SimpleNamespace(
            parked_in_a_row_max=1000,
            parked_per_10000_max=100,
            rebuild_processes=1,
            platform=self,
        )
        for version in range(1, 5):
            frozen = catalogues.frozen(version)
            mongo.database(TRANSACTIONS_IN)["catalogues"].insert_one(frozen.document)
        self.catalogues = self.own_catalogues()
        self.catalogues.open(log.topic_id, 1)

    def own_catalogues(self) -> Catalogues:
        """Return a store of catalogues, as every process has one."""
        return Catalogues(self.mongo)  # type: ignore[arg-type]

    def aggregator(self, me: int) -> None:
        """Claim and fold one partition after the other; owners change at any time."""
        rng = self.world.random
        lease = OwnedPartitions()
        lease.container = SimpleNamespace(settings=self.settings)
        lease.connection = cast(MongoConnection, SimpleNamespace(mongo=self.mongo))
        lease.publisher = cast(KafkaPublisher, SimpleNamespace(publish=self._take_notices))
        lease.setup()
        while not self.is_done():
            partition = rng.randrange(self.log.partitions)
            if rng.random() < 0.05:
                self.owners[partition] = rng.randrange(self.aggregators)
            if self.owners[partition] != me:
                self.world.rest("idle")
                continue
            try:
                self._own(lease, partition)
            except OwnershipLost:
                self.refused += 1
            except (NotReady, Unavailable, AutoReconnect):
                self.world.point("waits")

    def _take_notices(self, events: Sequence[Event]) -> None:
        """Take what an aggregator tells before its flush; after a crash again, and the same."""
        for event in events:
            assert self.notices.setdefault(event.event_id, event.value) == event.value

    def _own(self, lease: OwnedPartitions, partition: int) -> None:
        rng = self.world.random
        topic_id, position = self.log.topic_id, lease.claim(partition)
        while rng.random() > 0.08:
            if rng.random() < 0.2:
                lease.watch()
            try:
                batch = self.log.poll(partition, position, POLL_RECORDS)[: rng.randint(1, 6)]
            except OffsetOutOfRangeError:
                return  # which ends the process
            if topic_id != self.log.topic_id and self.log.topic_id not in self.loss.opened:
                # It looks every 10 seconds, and no topic outgrows the position of the former one
                # so fast but by being filled anew, which begins by ending all owners.
                batch = []
            if not batch:
                lease.flush_pending()
                if self.office.is_written:
                    return
            else:
                lease.fold(batch)
                position = batch[-1].offset + 1
            self.world.point("poll")

    def builder(self, me: int) -> None:
        """Take a view that is to be built from step to step; another builder may do the same.

        Real ones hold a lease. Without it two take a load from each other, which must do no harm,
        but may go on for ever: at last one of them is left.
        """
        building_ = Rebuild(self.own_catalogues(), _Inline(self))
        while not self.is_done():
            is_leased, view = me and self.world.steps > CALM_FROM, None
            try:
                view = None if is_leased else building_.wanted()
                if view is not None:
                    building_.step(view)
            except (AutoReconnect, Unavailable, OwnershipLost):
                pass  # the next step looks again
            self.world.rest("build", 1 if view else REST_STEPS)

    def steward(self) -> None:
        """Publish other catalogues, and go back to the former view, while everything runs."""
        rng, catalogues = self.world.random, self.own_catalogues()
        while self.wishes_left:
            self.world.rest("ponder", rng.choice((1, 40, 240, 2400)))
            self.wishes_left -= 1
            try:
                if rng.random() < 0.35:
                    catalogues.roll_back()
                else:
                    allowed = rng.choice((None, ANY_NUMBER))
                    catalogues.build_beside(rng.randint(1, 4), allowed)
            except (WrongState, AutoReconnect):
                pass  # one is being built already, or there is no way back

    def is_done(self) -> bool:
        """Whether everything is said, folded and decided."""
        if self.world.is_alive("steward") or not self.office.is_written:
            return False
        views = self.mongo.documents(TRANSACTIONS_IN, "views")
        if any(view["phase"] for view in views):
            return False
        if not self.loss.is_mended():
            return False
        here = self.reader.vector(self.reader.live_id())
        return all(here.get(p, 0) >= end for p, end in self.log.ends().items())

    def look_at_the_log(self, what: str) -> None:
        """Ask the broker something, which may not answer.

        Raises:
            Unavailable: it does not.
        """
        self.world.point(what)
        if self.world.random.random() < LOG_FAILURE_RATE:
            self.unheard += 1
            raise Unavailable("the broker does not answer")


class _Inline:
    """Does the work of child processes here and now; a crash kills child and parent at once."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def fold(self, view: View, ends: Vector) -> bool:
        platform = self._platform
        try:
            for partition, end in ends.items():
                worker._bring_up(
                    platform.settings,  # type: ignore[arg-type]
                    platform.mongo,  # type: ignore[arg-type]
                    view.view_id,
                    partition,
                    end,
                )
        except OwnershipLost:
            return True  # its owner folds it now
        except (AutoReconnect, Unavailable, RuntimeError) as error:
            raise Failed(str(error)) from error
        return True

    def verify(self, view: View, ends: Vector) -> OracleReport | None:
        # The run compares the view that answers at the end; asking DuckDB here costs a second.
        return None if self._platform.world.random.random() < 0.3 else OracleReport()

    def stop(self) -> None:
        pass


def _describe(settings: Any) -> LogDescription:
    platform: Platform = settings.platform
    platform.look_at_the_log("describe")
    return LogDescription(platform.log.topic_id, platform.log.partitions, "")


def _divergence(settings: Any, partition: int, next_offset: int, last_hash: str) -> str:
    if not next_offset:
        return ""
    platform: Platform = settings.platform
    platform.look_at_the_log("divergence")
    rows = platform.log.records[partition]
    if next_offset > len(rows):
        return "the log ends before"
    found = event_hash(rows[next_offset - 1])  # type: ignore[arg-type]
    # A view of an earlier release knows no hash.
    return "" if found == last_hash or not last_hash else "another event stands there"


def _read_partition(settings: Any, partition: int, begin: int, end: int) -> Iterator[Any]:
    platform: Platform = settings.platform
    while begin < end:
        platform.look_at_the_log("fetch")
        batch = platform.log.records[partition][begin : min(end, begin + 5)]
        if not batch:
            raise Unavailable("the log ends before")
        yield batch
        begin += len(batch)


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """Put the world in place of brokers and clocks, and small numbers in place of large ones."""
    clock = SimpleNamespace(monotonic=world.monotonic)
    rng = world.random
    places: tuple[tuple[Any, str, Any], ...] = (
        (ownership, "describe_log", _describe),
        (ownership, "divergence", _divergence),
        (ownership, "read_partition", _read_partition),
        (worker, "read_partition", _read_partition),
        (worker, "describe_log", _describe),
        (ownership, "time", clock),
        (flush_size, "time", clock),
        (flush_size, "RECORDS_FIRST", 3),
        (live_view, "time", clock),
        (outbox_module, "time", clock),
        (republish_module, "new_id", lambda: f"mark-{world.steps}"),
        (catalogue_store, "decode_catalogue", _decoded),
        # By the real clock two views could be opened in one millisecond, in no order.
        (catalogue_store, "datetime", SimpleNamespace(now=world.now)),
        # So few notes of changed rows that readers come too late for them, too.
        (change_notes, "NOTES_KEPT", 3),
        (change_notes, "ROWS_TOLD_MAX", rng.choice((3, 8, 500))),
        (bulk_load, "CHUNK_DOCUMENTS", rng.choice((2, 5, 50))),
        (shard, "CHUNK_WORKS", rng.choice((2, 5, 50))),
        (shard, "EVENTS_PER_SHARD", rng.choice((7, 1000))),
        (followers, "FOLLOW_GAP_MAX", rng.choice((2, 10))),
        (lifecycle, "FOLLOW_GAP_MAX", rng.choice((2, 10))),
        (partition_fold, "WORKS_IN_MEMORY_MAX", rng.choice((2, 50))),
        (partition_fold, "BACKLOG_RECORDS", rng.choice((1, 3, 50))),
        (write_behind, "ThreadPoolExecutor", lambda *given, **named: Pool(world)),
        (ledger, "Lock", lambda: Lock(world)),
    )
    with ExitStack() as stack:
        for place in places:
            stack.enter_context(patch.object(*place))
        yield


def _decoded(message: Any) -> Any:
    return catalogues.decoded(message.SerializeToString(deterministic=True))
