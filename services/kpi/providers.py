"""What the service classes are given: stores, the owned partitions, the live view."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from functools import cached_property
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.config import KernelSettings
from services.kernel.errors import NotReady, Unavailable
from services.kernel.mongo import DOWN, Mongo, MongoConnection, Store
from services.kpi.folding import PartitionFold
from services.kpi.live import LiveView
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.ledger import Ledger
from services.kpi.store.registry import Registry, View
from services.kpi.store.snapshots import Snapshots
from services.kpi.store.targets import Targets
from services.kpi.watching import Watchers

SUBMISSIONS = "kieng.submissions.v1"


def topic_id(settings: KernelSettings) -> str:
    """Return the identity of the submissions log; raises as `describe_log`."""
    return describe_log(settings)[0]


def describe_log(settings: KernelSettings) -> tuple[str, int]:
    """Return the identity of the submissions log and how many partitions it has.

    Raises:
        Unavailable: the broker is down, or the topic does not exist.
    """
    try:
        with closing(KafkaAdminClient(**settings.kafka_options())) as admin:
            found = admin.describe_topics([SUBMISSIONS])[0]
    except KafkaError as error:
        raise Unavailable(f"the broker cannot be reached: {error!r}") from error
    if not found.get("topic_id"):
        raise Unavailable(f"topic {SUBMISSIONS} does not exist; run `kieng topics apply`")
    return str(found["topic_id"]), len(found["partitions"])


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

    def get_dependency(self, worker_ctx: WorkerContext) -> OwnedPartitions:
        """Return the partitions."""
        return self

    def claim(self, partition: int) -> int:
        """Become the owner of a partition of the newest view of this log.

        Raises:
            NotReady: no catalogue is published, or the log is not the one that the views were
                made of (LOG_DIVERGED) until an operator opens a new generation.
        """
        self._folds.pop(partition, None)
        try:
            log_id, self._partitions = describe_log(self.container.settings)
            view = self.registry.folded(log_id)
            if view is None and self.registry.views():
                raise NotReady("LOG_DIVERGED: the log is a new one; open a log generation")
            if view is None:
                raise NotReady("no catalogue is published yet")
            owned = self.ledger.claim(view.view_id, partition)
            # A crash between a flush and this note would leave the view building for ever.
            self._note_republished(view)
        except Unavailable as down:
            raise NotReady(down.message) from down
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down
        self._view = view
        catalogue = self.registry.catalogue(view.catalogue_version)
        self._folds[partition] = PartitionFold(owned, catalogue, self.ledger)
        return owned.next_offset

    def fold(self, records: Any) -> None:
        """Fold and flush a batch of one partition; on any error it must be claimed again.

        Raises:
            OwnershipLost: another process owns it.
            NotReady: the database is down; claim again later.
        """
        fold = self._folds[records[0].partition]
        heard = fold.owned.republished
        try:
            fold.apply(records)
            if fold.owned.republished != heard and self._view is not None:
                self._note_republished(self._view)
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
    """Injects a function that returns the identity of the submissions log."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return the function."""
        return lambda: topic_id(self.container.settings)
