"""The partition leases of this aggregator: claims partitions, folds them, follows a swap."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.errors import NotReady, OwnershipLost, Unavailable
from services.kernel.mongo import DOWN, MongoConnection
from services.kernel.publisher import Event, KafkaPublisher
from services.kpi import metrics
from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.domain.parking import Limits
from services.kpi.heap import tune_gc
from services.kpi.log.identity import REMEDY, REPARTITION, LogDescription, describe_log, divergence
from services.kpi.log.reader import read_partition
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.projection.flush_size import FlushSize
from services.kpi.projection.followers import FollowedPartition
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.projection.write_behind import WriteBehind
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.ledger import Flush, Ledger
from services.kpi.store.reads import Snapshots
from services.kpi.store.views import UNSAFE, View

FOLLOWERS_SECONDS = 0.5
UNKNOWN_TYPES_MAX = 100
"""Maximum number of unknown event types that are logged, each once."""

log = structlog.get_logger()


class OwnedPartitions(DependencyProvider):
    """Claims partitions of the log; injects itself. Used by the consumer's thread only."""

    connection = MongoConnection()
    publisher = KafkaPublisher()

    def setup(self) -> None:
        """Create the state; no partition is owned until the consumer claims it."""
        tune_gc()
        mongo = self.connection.mongo
        self.registry = Catalogues(mongo)
        self.snapshots = Snapshots(mongo)
        self._ledgers: dict[str, Ledger] = {}
        self._folds: dict[int, FollowedPartition] = {}
        self._followers: list[View] = []
        self._followers_due = 0.0
        self._behind = WriteBehind()
        self._size = FlushSize()
        self._view: View | None = None
        self._partitions = 0
        self._diverged = ""
        self._unknown: set[str] = set()
        metrics.RECORDS_SKIPPED.labels(SUBMISSIONS)  # shown with 0, so that rates are right

    def get_dependency(self, worker_ctx: WorkerContext) -> OwnedPartitions:
        """Return the owned partitions."""
        return self

    def claim(self, partition: int) -> int:
        """Take the lease of a partition of this log's newest view; return the offset to read from.

        Raises:
            NotReady: no catalogue is published; or an operator has to act, because the log is not
                the one that was folded (LOG_DIVERGED) or could lose events (LOG_UNSAFE).
        """
        self._folds.pop(partition, None)
        self.flush_pending()  # the position is unknown until the claim returns
        try:
            fold, view = self._claim(partition)
            # Otherwise a crash between a flush and this note would leave the view building.
            self._note_republished(view)
        except Unavailable as down:
            raise NotReady(down.message) from down
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down
        self._view = view
        self._folds[partition] = FollowedPartition(
            view,
            fold,
            lambda other: self._fold_of(other, partition),
            lambda begin, end: read_partition(self.container.settings, partition, begin, end),
        )
        return fold.lease.next_offset

    def _claim(self, partition: int) -> tuple[PartitionFold, View]:
        settings = self.container.settings
        found = describe_log(settings)
        self._partitions = found.partitions
        view = self.registry.folded(found.topic_id)
        if view is None:
            live = self.registry.live()
            # Read again: meanwhile a view of this log may have been opened, or the log replaced.
            if live and describe_log(settings).topic_id != live.topic_id:
                reason = f"{SUBMISSIONS} is another topic than the one that was folded"
                self._stop(live, "log", f"LOG_DIVERGED: {reason}; {REMEDY}")
            raise NotReady("no catalogue is published yet")
        if found.unsafe:
            reason = f"{SUBMISSIONS} would lose events by {found.unsafe}"
            self._stop(view, UNSAFE, f"LOG_UNSAFE: {reason}; run `kieng topics apply`")
        view = self._of_partitions(view, found)
        if view.fold_version != FOLD_VERSION:
            text = f"{view.view_id} was folded by another release; its successor is being built"
            raise NotReady(text)
        fold = self._fold_of(view, partition, self._behind)
        now = self.registry.folded(found.topic_id)
        if now is None or now.view_id != view.view_id:
            # The pointer moved before the claim, so the new epoch fences off no other owner.
            raise NotReady(f"{view.view_id} does not answer any more")
        lease = fold.lease
        reason = divergence(settings, partition, lease.next_offset, lease.last_hash)
        if reason:
            self._stop(view, str(partition), f"LOG_DIVERGED: {reason}; {REMEDY}")
        for place in ("log", UNSAFE, str(partition)):
            self.registry.diverge(view, place, "")
        self._diverged = ""
        metrics.LOG_DIVERGED.set(0)
        return fold, view

    def _of_partitions(self, view: View, found: LogDescription) -> View:
        """Return the view, which now knows its number of partitions; stop if the log's differs."""
        if not view.partitions:
            self.registry.bind(view, found.partitions)
            view = self.registry.view(view.view_id) or view
        if not view.has_partitions(found.partitions):
            here = f"{SUBMISSIONS} has {found.partitions} partitions"
            reason = f"{here}, and {view.view_id} was made of {view.partitions}"
            remedy = REPARTITION.format(partitions=found.partitions)
            self._stop(view, "log", f"LOG_DIVERGED: {reason}; {remedy}")
        return view

    def _fold_of(
        self, view: View, partition: int, behind: WriteBehind | None = None
    ) -> PartitionFold:
        # One session per view: the next owner of a view ends only that view's session.
        if view.view_id not in self._ledgers:
            self._ledgers[view.view_id] = Ledger(self.connection.mongo)
        ledger = self._ledgers[view.view_id]
        lease = ledger.claim(view.view_id, partition, view.begins.get(partition, 0))
        # Opening a new log generation ends earlier owners, not later ones.
        if not self._is_log_of(view):
            raise OwnershipLost(f"the log of {view.view_id} is another one now")
        catalogue = self.registry.catalogue(view.catalogue_version)
        return PartitionFold(
            lease,
            catalogue,
            ledger,
            self._limits,
            view.generation,
            behind,
            self._report,
            self._size,
            self._publish,
        )

    def _is_log_of(self, view: View) -> bool:
        found = describe_log(self.container.settings)
        is_safe = found.topic_id == view.topic_id and not found.unsafe
        return is_safe and view.has_partitions(found.partitions)

    def _report(self, flush: Flush) -> None:
        """Count and log the records that a stored batch parked or skipped."""
        place = {"view_id": flush.lease.view_id, "partition": flush.lease.partition}
        for offset, parked in flush.parked.items():
            log.warning("record is parked", offset=offset, reason=parked.reason, **place)
        for kind, count in flush.skipped.items():
            metrics.RECORDS_SKIPPED.labels(SUBMISSIONS).inc(count)
            if kind not in self._unknown and len(self._unknown) < UNKNOWN_TYPES_MAX:
                self._unknown.add(kind)
                log.warning("records of an unknown type are skipped", type=kind, **place)

    def _publish(self, events: Sequence[Event]) -> None:
        """Publish the events of a batch; raises NotReady without a broker."""
        try:
            self.publisher.publish(events)
        except Unavailable as down:
            raise NotReady(down.message) from down

    def _stop(self, view: View, place: str, reason: str) -> NoReturn:
        """Drop the lease and report in log, metric and view why the partition is not folded."""
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
        """Make the consumer claim partitions again if their log is another one by now.

        The Kafka client follows a recreated topic silently and would continue at the old offset;
        of new partitions it learns late.
        Runs beside the consumer's thread.
        """
        view = self._view
        if view is None:
            return
        with suppress(Unavailable):
            if not self._is_log_of(view):
                self._view = None

    def fold(self, records: Any) -> None:
        """Fold and flush a batch of a leased partition; after any error it must be claimed again.

        Raises:
            OwnershipLost: another process owns it, or the log may be another one.
            NotReady: the database is down; claim again later.
        """
        if self._view is None:
            raise OwnershipLost("the topic changed while it was read")
        partition = records[0].partition
        followed = self._folds[partition]
        heard = followed.fold.lease.republished
        try:
            self._follow(partition, followed)
            followed.apply(records, self.registry.live)
            self._view = followed.view
            if followed.fold.lease.republished != heard:
                self._behind.flush_pending()
                self._note_republished(followed.view)
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down

    @property
    def records_wanted(self) -> int:
        """Maximum number of records of the next batch: one flush, so that each batch ends soon."""
        return self._size.records

    def stored_offset(self, partition: int) -> int:
        """Return the offset of the first record of a claimed partition that is not stored yet."""
        return self._folds[partition].fold.stored_offset

    def flush_pending(self) -> None:
        """Wait until every batch that was folded is stored.

        Raises:
            NotReady: the database cannot be reached; claim all partitions again.
            OwnershipLost: another process owns a partition by now; so again.
        """
        try:
            self._behind.flush_pending()
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down

    def _follow(self, partition: int, followed: FollowedPartition) -> None:
        """Look periodically for views that are about to take over, and fold them as followers."""
        if time.monotonic() >= self._followers_due:
            self._followers_due = time.monotonic() + FOLLOWERS_SECONDS
            self._followers = self.registry.followers(followed.view.topic_id)
        try:
            followed.follow(
                self._followers,
                lambda view: self.registry.view_progress(view.view_id).vector.get(partition, 0),
            )
        except Unavailable as trouble:
            log.warning("a view cannot follow yet", reason=trouble.message)

    def _note_republished(self, view: View) -> None:
        progress = self.snapshots.progress(view.view_id)
        # A partition without an owner so far has no republished institution.
        if len(progress.next_offsets) == self._partitions:
            self.registry.note_republished(view, progress.republished)
