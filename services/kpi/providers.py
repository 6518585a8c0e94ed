"""Providers of the KPI service: inject stores, the live view, history, clock and log identity."""

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
from services.kpi.process import OneAtATime
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
        """Declare the indexes of the KPI database and return the `Catalogues`."""
        declare(mongo.database(DATABASE))
        return Catalogues(mongo)


class TargetStore(Store):
    """Injects the `Targets`."""

    def make(self, mongo: Mongo) -> Targets:
        """Return the store of yearly targets in the KPI database."""
        return Targets(mongo)


class ParkedStore(Store):
    """Injects the `ParkedRecords`."""

    def make(self, mongo: Mongo) -> ParkedRecords:
        """Return the store of the records that no view could fold."""
        return ParkedRecords(mongo)


class ViewSnapshots(Store):
    """Injects the `Snapshots`."""

    def make(self, mongo: Mongo) -> Snapshots:
        """Return what reads stored views, each answer from one consistent snapshot."""
        return Snapshots(mongo)


class Live(DependencyProvider):
    """Injects the process's one `LiveView`."""

    connection = MongoConnection()

    def setup(self) -> None:
        """Tune garbage collection for a view in memory."""
        tune_gc()

    @cached_property
    def live(self) -> LiveView:
        """The live view; empty until it is refreshed."""
        mongo = self.connection.mongo
        return LiveView(Catalogues(mongo), Snapshots(mongo), Targets(mongo), freeze_heap)

    @property
    def unready(self) -> str:
        """Why `kpi.query` is not ready; empty when the live view is loaded."""
        return "" if self.live.is_ready else "no view is live"

    def get_dependency(self, worker_ctx: WorkerContext) -> LiveView:
        """Return the live view."""
        return self.live


def make_history(mongo: Mongo, settings: Settings) -> History:
    """Return the history: kept days and replays."""
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
        """The history: kept days and replays."""
        return make_history(self.connection.mongo, self.container.settings)

    def get_dependency(self, worker_ctx: WorkerContext) -> History:
        """Return the process's history."""
        return self.history


class EditionDesk(DependencyProvider):
    """Injects itself: the edition store, the closer and the comparer of editions."""

    connection = MongoConnection()

    def setup(self) -> None:
        """Create them; replays for editions and replays of the past do not share a lock."""
        settings, mongo = self.container.settings, self.connection.mongo
        registry, history = Catalogues(mongo), make_history(mongo, settings)
        self.editions = Editions(mongo)
        self.closer = EditionCloser(registry, self.editions, history, settings.signer)
        self.comparer = EditionComparer(registry, self.editions, history)

    def get_dependency(self, worker_ctx: WorkerContext) -> EditionDesk:
        """Return the edition desk."""
        return self


class WatcherCount(DependencyProvider):
    """Injects the process's one `Watchers`."""

    @cached_property
    def watchers(self) -> Watchers:
        """The counter of watch streams."""
        return Watchers(self.container.settings.watchers_max)

    def get_dependency(self, worker_ctx: WorkerContext) -> Watchers:
        """Return the counter of watch streams."""
        return self.watchers


class Trials(DependencyProvider):
    """Injects what admits one trial of events at a time for each institution."""

    def setup(self) -> None:
        """Begin without any."""
        self._of: dict[str, OneAtATime] = {}

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[str], OneAtATime]:
        """Return the function from an institution to its slot; no other can hold it."""
        return lambda institution_id: self._of.setdefault(institution_id, OneAtATime("trial"))


class Clock(DependencyProvider):
    """Injects a function that returns the present time in the KPI time zone."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], datetime]:
        """Return the function."""
        zone = self.container.settings.zone
        return lambda: datetime.now(zone)


class LogIdentity(DependencyProvider):
    """Injects a function that returns the identity of the submissions log."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return the function."""
        return lambda: identify(self.container.settings)


def identify(settings: KernelSettings) -> tuple[str, dict[int, int]]:
    """Return the topic id of the submissions log and its first offset by partition."""
    found = describe_log(settings)
    return found.topic_id, beginnings(settings, range(found.partitions))
