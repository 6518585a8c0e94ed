"""What the service classes are given: stores, the owned partitions, the live view."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Any, NoReturn

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.config import KernelSettings
from services.kernel.errors import NotReady, OwnershipLost, Unavailable
from services.kernel.mongo import DOWN, Mongo, MongoConnection, Store
from services.kpi import metrics
from services.kpi.domain.parking import Limits
from services.kpi.folding import PartitionFold
from services.kpi.live import LiveView
from services.kpi.log_identity import (
    REMEDY,
    SUBMISSIONS,
    beginnings,
    describe_log,
    divergence,
)
from services.kpi.past import Past
from services.kpi.replays import Replays
from services.kpi.store.days import Days
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.ledger import Ledger, Owned
from services.kpi.store.parked import ParkedRecords
from services.kpi.store.registry import UNSAFE, Registry, View
from services.kpi.store.snapshots import Snapshots
from services.kpi.store.targets import Targets
from services.kpi.watching import Watchers

log = structlog.get_logger()


class Registries(Store):
    """Injects the `Registry`."""

    def make(self, mongo: Mongo) -> Registry:
        """Declare the indexes and return the registry."""
        declare(mongo.database(DATABASE))
        return Registry(mongo)


class TargetStore(Store):
    """Injects the `Targets`."""

    def make(self, mongo: Mongo) -> Targets:
        """Return the targets."""
        return Targets(mongo)


class ParkedStore(Store):
    """Injects the `ParkedRecords`."""

    def make(self, mongo: Mongo) -> ParkedRecords:
        """Return the records."""
        return ParkedRecords(mongo)


class ViewSnapshots(Store):
    """Injects the `Snapshots`."""

    def make(self, mongo: Mongo) -> Snapshots:
        """Return the snapshots."""
        return Snapshots(mongo)


class OwnedPartitions(DependencyProvider):
    """Claims partitions for the consumer and injects itself; used by the consumer's thread only."""

    connection = MongoConnection()

    def setup(self) -> None:
        """Prepare; nothing is owned before the consumer claims it."""
        mongo = self.connection.mongo
        self.registry, self.ledger = Registry(mongo), Ledger(mongo)
        self.snapshots = Snapshots(mongo)
        self._folds: dict[int, PartitionFold] = {}
        self._view: View | None = None
        self._partitions = 0
        self._diverged = ""

    def get_dependency(self, worker_ctx: WorkerContext) -> OwnedPartitions:
        """Return the partitions."""
        return self

    def claim(self, partition: int) -> int:
        """Become the owner of a partition of the newest view of this log.

        Raises:
            NotReady: no catalogue is published; or the log is not the one that the view was made
                of (LOG_DIVERGED), or would lose events (LOG_UNSAFE), until an operator acts.
        """
        self._folds.pop(partition, None)
        try:
            owned, view = self._claim(partition)
            # A crash between a flush and this note would leave the view building for ever.
            self._note_republished(view)
        except Unavailable as down:
            raise NotReady(down.message) from down
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down
        self._view = view
        catalogue = self.registry.catalogue(view.catalogue_version)
        self._folds[partition] = PartitionFold(
            owned, catalogue, self.ledger, self._limits, view.generation
        )
        return owned.next_offset

    def _claim(self, partition: int) -> tuple[Owned, View]:
        settings = self.container.settings
        found = describe_log(settings)
        self._partitions = found.partitions
        view = self.registry.folded(found.topic_id)
        if view is None:
            if live := self.registry.live():
                reason = f"{SUBMISSIONS} is another topic than the one that was folded"
                self._stop(live, "log", f"LOG_DIVERGED: {reason}; {REMEDY}")
            raise NotReady("no catalogue is published yet")
        if found.unsafe:
            reason = f"{SUBMISSIONS} would lose events by {found.unsafe}"
            self._stop(view, UNSAFE, f"LOG_UNSAFE: {reason}; run `kieng topics apply`")
        owned = self.ledger.claim(view.view_id, partition, view.begins.get(partition, 0))
        reason = divergence(settings, partition, owned.next_offset, owned.last_hash)
        if reason:
            self._stop(view, str(partition), f"LOG_DIVERGED: {reason}; {REMEDY}")
        for place in ("log", UNSAFE, str(partition)):
            self.registry.diverge(view, place, "")
        self._diverged = ""
        metrics.LOG_DIVERGED.set(0)
        return owned, view

    def _stop(self, view: View, place: str, reason: str) -> NoReturn:
        """Say everywhere why nothing is folded, and fold nothing."""
        self.registry.diverge(view, place, reason)
        metrics.LOG_DIVERGED.set(1)
        if self._diverged != reason:
            log.error("nothing is folded", view_id=view.view_id, reason=reason)
        self._diverged = reason
        raise NotReady(reason)

    @property
    def _limits(self) -> Limits:
        settings = self.container.settings
        return Limits(settings.parked_in_a_row_max, settings.parked_per_10000_max)

    def watch(self) -> None:
        """Have partitions claimed again when their topic was made anew while they are held.

        The client follows a new topic by itself and would go on at the old offset. Runs beside the
        consumer's thread.
        """
        view = self._view
        if view is None:
            return
        with suppress(Unavailable):
            found = describe_log(self.container.settings)
            if found.topic_id != view.topic_id or found.unsafe:
                self._view = None

    def fold(self, records: Any) -> None:
        """Fold and flush a batch of one partition; on any error it must be claimed again.

        Raises:
            OwnershipLost: another process owns it, or the log may be another one.
            NotReady: the database is down; claim again later.
        """
        view = self._view
        if view is None:
            raise OwnershipLost("the topic changed while it was read")
        fold = self._folds[records[0].partition]
        heard = fold.owned.republished
        try:
            fold.apply(records)
            if fold.owned.republished != heard:
                self._note_republished(view)
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down

    def _note_republished(self, view: View) -> None:
        progress = self.snapshots.progress(view.view_id)
        # A partition that nobody has claimed yet has heard of no institution.
        if len(progress.next_offsets) == self._partitions:
            self.registry.heard(view, progress.republished)


class Live(DependencyProvider):
    """Injects the process's one `LiveView`."""

    connection = MongoConnection()

    @cached_property
    def live(self) -> LiveView:
        """The view, empty until it is refreshed."""
        mongo = self.connection.mongo
        return LiveView(Registry(mongo), Snapshots(mongo), Targets(mongo))

    @property
    def unready(self) -> str:
        """Why calls cannot be answered yet; empty when they can."""
        return "" if self.live.is_ready else "no view is live"

    def get_dependency(self, worker_ctx: WorkerContext) -> LiveView:
        """Return the view."""
        return self.live


class PastViews(DependencyProvider):
    """Injects the process's one `Past`."""

    connection = MongoConnection()

    @cached_property
    def past(self) -> Past:
        """Kept days and replays."""
        settings, mongo = self.container.settings, self.connection.mongo
        wait = {"fetch_max_wait_ms": settings.kafka_fetch_wait_ms}
        replays = Replays(lambda: {**settings.kafka_options(), **wait})
        return Past(
            Registry(mongo),
            Days(mongo),
            replays,
            lambda: describe_log(settings).topic_id,
            settings.snapshot_days,
        )

    def get_dependency(self, worker_ctx: WorkerContext) -> Past:
        """Return the past."""
        return self.past


class WatcherCount(DependencyProvider):
    """Injects the process's one `Watchers`."""

    @cached_property
    def watchers(self) -> Watchers:
        """The count of streams."""
        return Watchers(self.container.settings.watchers_max)

    def get_dependency(self, worker_ctx: WorkerContext) -> Watchers:
        """Return the count."""
        return self.watchers


class Clock(DependencyProvider):
    """Injects a function that returns the present time in the zone whose days are counted."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], datetime]:
        """Return the function."""
        zone = self.container.settings.zone
        return lambda: datetime.now(zone)


class LogIdentity(DependencyProvider):
    """Injects `identify` of the submissions log."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return the function."""
        return lambda: identify(self.container.settings)


def identify(settings: KernelSettings) -> tuple[str, dict[int, int]]:
    """Return the identity of the submissions log, and where each partition begins."""
    found = describe_log(settings)
    return found.topic_id, beginnings(settings, range(found.partitions))
