"""nameko providers of the KPI service: stores, live view, history, clock and log identity."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Any

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.config import KernelSettings
from services.kernel.interceptors import Call
from services.kernel.mongo import Mongo, MongoConnection, Store
from services.kpi.config import Settings
from services.kpi.editions.changes import ChangesComparer
from services.kpi.editions.closing import EditionCloser
from services.kpi.editions.restatements import EditionComparer
from services.kpi.heap import freeze_heap, tune_gc
from services.kpi.log.identity import beginnings, describe_log
from services.kpi.query.history import History
from services.kpi.query.live_view import LiveView
from services.kpi.query.watch import Watchers
from services.kpi.replay.runner import ReplayRunner
from services.kpi.slot import OneAtATime
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.editions import Editions
from services.kpi.store.kept_days import Days
from services.kpi.store.parked import ParkedRecords
from services.kpi.store.reads import Snapshots
from services.kpi.store.targets import Targets

log = structlog.get_logger()


class CatalogueStore(Store):
    """Injects the `Catalogues`: the stored catalogues and views."""

    def make(self, mongo: Mongo) -> Catalogues:
        """Create the indexes of the KPI database; return the `Catalogues`."""
        declare(mongo.database(DATABASE))
        return Catalogues(mongo)


class TargetStore(Store):
    """Injects the `Targets`: the stored yearly targets."""

    def make(self, mongo: Mongo) -> Targets:
        """Return the `Targets` of the KPI database."""
        return Targets(mongo)


class ParkedStore(Store):
    """Injects the `ParkedRecords`: the stored records that could not be folded."""

    def make(self, mongo: Mongo) -> ParkedRecords:
        """Return the `ParkedRecords` of the KPI database."""
        return ParkedRecords(mongo)


class ViewSnapshots(Store):
    """Injects the `Snapshots`, which read stored views."""

    def make(self, mongo: Mongo) -> Snapshots:
        """Return the `Snapshots`, which read stored views; each answer comes from one snapshot."""
        return Snapshots(mongo)

    def get_dependency(self, worker_ctx: WorkerContext) -> Snapshots:
        """Return the snapshots; those of a gRPC call stop reading works once its caller has left.

        The server's stop does not end a call that was admitted.
        """
        call: Call | None = worker_ctx.data.get("call")
        snapshots: Snapshots = self.store
        return snapshots.asked_by(call.context.is_active) if call else snapshots


class Live(DependencyProvider):
    """Injects the process's one `LiveView`: the live view in memory."""

    connection = MongoConnection()

    def setup(self) -> None:
        """Tune garbage collection for a process that keeps a view in memory."""
        tune_gc()

    @cached_property
    def live(self) -> LiveView:
        """The live view in memory, created once per process; empty until its first refresh."""
        mongo = self.connection.mongo
        return LiveView(Catalogues(mongo), Snapshots(mongo), Targets(mongo), freeze_heap)

    @property
    def unready(self) -> str:
        """Why `kpi.query` is not ready; empty once the live view is loaded."""
        return "" if self.live.is_ready else "no view is live"

    def get_dependency(self, worker_ctx: WorkerContext) -> LiveView:
        """Return the live view; every worker gets the same one."""
        return self.live


def make_history(mongo: Mongo, settings: Settings) -> History:
    """Return a new `History`, which reads kept days and replays the log."""
    return History(
        Catalogues(mongo),
        Days(mongo),
        ReplayRunner(settings),
        lambda: describe_log(settings).topic_id,
        settings.snapshot_days,
    )


class HistoryProvider(DependencyProvider):
    """Injects the process's one `History`, which reads kept days and replays the log."""

    connection = MongoConnection()

    @cached_property
    def history(self) -> History:
        """The `History`, created once per process."""
        return make_history(self.connection.mongo, self.container.settings)

    def get_dependency(self, worker_ctx: WorkerContext) -> History:
        """Return the history; every worker gets the same one."""
        return self.history


class EditionDesk(DependencyProvider):
    """Injects itself, with what editions need: their store, the closer and the comparer."""

    connection = MongoConnection()

    def setup(self) -> None:
        """Create store, closer and comparer.

        They get a history of their own, so that replays for editions and replays of the past do not
        exclude each other.
        """
        settings, mongo = self.container.settings, self.connection.mongo
        catalogues, history = Catalogues(mongo), make_history(mongo, settings)
        self.editions = Editions(mongo)
        self.closer = EditionCloser(catalogues, self.editions, history, settings.signer)
        self.comparer = EditionComparer(catalogues, self.editions, history)
        self.changes = ChangesComparer(catalogues, history)

    def get_dependency(self, worker_ctx: WorkerContext) -> EditionDesk:
        """Return this provider itself; every worker gets the same one."""
        return self


class WatcherCount(DependencyProvider):
    """Injects the process's one `Watchers`, which serve and limit the WatchKpis streams."""

    @cached_property
    def watchers(self) -> Watchers:
        """The `Watchers`, created once per process."""
        return Watchers(self.container.settings.watchers_max)

    def get_dependency(self, worker_ctx: WorkerContext) -> Watchers:
        """Return the `Watchers`; every worker gets the same one."""
        return self.watchers


class Previews(DependencyProvider):
    """Injects a function that admits one preview of events per institution at a time."""

    def setup(self) -> None:
        """Create the function's state; no preview is running."""
        self._of: dict[str, OneAtATime] = {}

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[str], OneAtATime]:
        """Return a function: institution id -> its `OneAtATime`, always the same object.

        The same function serves all workers.
        """
        return lambda institution_id: self._of.setdefault(institution_id, OneAtATime("preview"))


class Clock(DependencyProvider):
    """Injects a function that returns the present time in the time zone of the KPI service."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Callable[[], datetime]:
        """Return a function that returns the present time; it takes no arguments."""
        zone = self.container.settings.zone
        return lambda: datetime.now(zone)


class LogIdentity(DependencyProvider):
    """Injects a function that returns the identity of the submissions log; see `identify`."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return a function that calls `identify` with the settings; it takes no arguments."""
        return lambda: identify(self.container.settings)


def identify(settings: KernelSettings) -> tuple[str, dict[int, int]]:
    """Return the topic id of the submissions log, and partition -> its first offset.

    Raises Unavailable if the broker is down or the topic does not exist.
    """
    found = describe_log(settings)
    return found.topic_id, beginnings(settings, range(found.partitions))
