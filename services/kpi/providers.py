"""What the service classes are given: stores, the live view, clocks and identities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.config import KernelSettings
from services.kernel.mongo import Mongo, MongoConnection, Store
from services.kpi.config import Settings
from services.kpi.editions.closing import EditionCloser
from services.kpi.editions.restatements import EditionComparer
from services.kpi.heap import freeze_heap, tune_gc
from services.kpi.log.identity import beginnings, describe_log
from services.kpi.query.history import History
from services.kpi.query.live_view import LiveView
from services.kpi.query.watch import Watchers
from services.kpi.replay.runner import ReplayRunner
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.editions import Editions
from services.kpi.store.kept_days import Days
from services.kpi.store.parked import ParkedRecords
from services.kpi.store.reads import Snapshots
from services.kpi.store.targets import Targets

log = structlog.get_logger()


class CatalogueStore(Store):
    """Injects the `Catalogues`."""

    def make(self, mongo: Mongo) -> Catalogues:
        """Declare the indexes and return the registry."""
        declare(mongo.database(DATABASE))
        return Catalogues(mongo)


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


class Live(DependencyProvider):
    """Injects the process's one `LiveView`."""

    connection = MongoConnection()

    def setup(self) -> None:
        """Prepare the process for a large image."""
        tune_gc()

    @cached_property
    def live(self) -> LiveView:
        """The view, empty until it is refreshed."""
        mongo = self.connection.mongo
        return LiveView(Catalogues(mongo), Snapshots(mongo), Targets(mongo), freeze_heap)

    @property
    def unready(self) -> str:
        """Why calls cannot be answered yet; empty when they can."""
        return "" if self.live.is_ready else "no view is live"

    def get_dependency(self, worker_ctx: WorkerContext) -> LiveView:
        """Return the view."""
        return self.live


def make_history(mongo: Mongo, settings: Settings) -> History:
    """Return kept days and replays."""
    return History(
        Catalogues(mongo),
        Days(mongo),
        ReplayRunner(settings),
        lambda: describe_log(settings).topic_id,
        settings.snapshot_days,
    )


class HistoryProvider(DependencyProvider):
    """Injects the process's one `History`."""

    connection = MongoConnection()

    @cached_property
    def history(self) -> History:
        """Kept days and replays."""
        return make_history(self.connection.mongo, self.container.settings)

    def get_dependency(self, worker_ctx: WorkerContext) -> History:
        """Return the history."""
        return self.history


class EditionDesk(DependencyProvider):
    """Injects itself: editions, and what closes and compares them."""

    connection = MongoConnection()

    def setup(self) -> None:
        """Make the parts; a replay for an edition and one of the past share no lock."""
        settings, mongo = self.container.settings, self.connection.mongo
        registry, history = Catalogues(mongo), make_history(mongo, settings)
        self.editions = Editions(mongo)
        self.closer = EditionCloser(registry, self.editions, history, settings.signer)
        self.comparer = EditionComparer(registry, self.editions, history)

    def get_dependency(self, worker_ctx: WorkerContext) -> EditionDesk:
        """Return the desk."""
        return self


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
