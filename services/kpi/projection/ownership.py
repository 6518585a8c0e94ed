"""The partitions that this aggregator owns: claims them, folds their records and follows swaps."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

import structlog
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from services.kernel.errors import NotReady, OwnershipLost, Unavailable
from services.kernel.kafka import Record
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
"""Maximum number of unknown event types to log, each once."""

log = structlog.get_logger()


class OwnedPartitions(DependencyProvider):
    """Claims and folds partitions of the log; injects itself.

    Its methods are called by the consumer's thread only, except `watch`.
    """

    connection = MongoConnection()
    publisher = KafkaPublisher()

    def setup(self) -> None:
        """Create the initial state, in which no partition is owned."""
        tune_gc()
        mongo = self.connection.mongo
        self.catalogues = Catalogues(mongo)
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
        metrics.RECORDS_SKIPPED.labels(SUBMISSIONS)  # starts at 0, so that rates are right

    def get_dependency(self, worker_ctx: WorkerContext) -> OwnedPartitions:
        """Return this provider itself; every worker gets the same one."""
        return self

    def claim(self, partition: int) -> int:
        """Take the lease of a partition in the newest view of this log, so that `fold` accepts it.

        Returns:
            Offset of the first record to read.

        Raises:
            NotReady: no catalogue is published, the broker or the database is down, or an operator
                has to act because the log is not the one that was folded (LOG_DIVERGED) or might
                lose events (LOG_UNSAFE).
        """
        self._folds.pop(partition, None)
        self.flush_pending()  # a write that still runs would move the position
        try:
            fold, view = self._claim(partition)
            # Repeated here in case the former owner crashed between its flush and this note.
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
            partial(self._again, view, partition),
        )
        return fold.lease.next_offset

    def _claim(self, partition: int) -> tuple[PartitionFold, View]:
        settings = self.container.settings
        found = describe_log(settings)
        self._partitions = found.partitions
        view = self.catalogues.folded(found.topic_id)
        if view is None:
            live = self.catalogues.live()
            # Described again, because the log may have been replaced or a view opened meanwhile.
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
        now = self.catalogues.folded(found.topic_id)
        if now is None or now.view_id != view.view_id:
            # Another view became live before the claim, which thus fenced off no owner.
            raise NotReady(f"{view.view_id} does not answer any more")
        lease = fold.lease
        reason = divergence(settings, partition, lease.next_offset, lease.last_hash)
        if reason:
            self._stop(view, str(partition), f"LOG_DIVERGED: {reason}; {REMEDY}")
        for place in ("log", UNSAFE, str(partition)):
            self.catalogues.diverge(view, place, "")
        self._diverged = ""
        metrics.LOG_DIVERGED.set(0)
        return fold, view

    def _of_partitions(self, view: View, found: LogDescription) -> View:
        """Return the view, after recording its number of partitions if it had none yet.

        Raises NotReady if the log has a different number of partitions.
        """
        if not view.partitions:
            self.catalogues.bind(view, found.partitions)
            view = self.catalogues.view(view.view_id) or view
        if not view.has_partitions(found.partitions):
            here = f"{SUBMISSIONS} has {found.partitions} partitions"
            reason = f"{here}, and {view.view_id} was made of {view.partitions}"
            remedy = REPARTITION.format(partitions=found.partitions)
            self._stop(view, "log", f"LOG_DIVERGED: {reason}; {remedy}")
        return view

    def _fold_of(
        self, view: View, partition: int, behind: WriteBehind | None = None
    ) -> PartitionFold:
        # One ledger, and thus one session, per view: the next owner ends only that session.
        if view.view_id not in self._ledgers:
            self._ledgers[view.view_id] = Ledger(self.connection.mongo)
        ledger = self._ledgers[view.view_id]
        lease = ledger.claim(view.view_id, partition, view.begins.get(partition, 0))
        # A new log generation fences off earlier owners only, so one that claims later must check.
        if not self._is_log_of(view):
            raise OwnershipLost(f"the log of {view.view_id} is another one now")
        settings = self.container.settings
        return PartitionFold(
            lease,
            self.catalogues.catalogue(view.catalogue_version),
            ledger,
            Limits(settings.parked_in_a_row_max, settings.parked_per_10000_max),
            view.generation,
            behind,
            self._report,
            self._size,
            self._publish,
        )

    def _again(self, view: View, partition: int, begin: int, end: int) -> Iterator[list[Record]]:
        """Yield what a follower lacks; raise `OwnershipLost` if the topic was made anew since."""
        for batch in read_partition(self.container.settings, partition, begin, end):
            if not self._is_log_of(view):
                raise OwnershipLost("the topic changed while it was read again")
            yield batch

    def _is_log_of(self, view: View) -> bool:
        found = describe_log(self.container.settings)
        is_safe = found.topic_id == view.topic_id and not found.unsafe
        return is_safe and view.has_partitions(found.partitions)

    def _report(self, flush: Flush) -> None:
        """Count and log the records that a stored flush parked or skipped."""
        place = {"view_id": flush.lease.view_id, "partition": flush.lease.partition}
        for offset, parked in flush.parked.items():
            log.warning("record is parked", offset=offset, reason=parked.reason, **place)
        for kind, count in flush.skipped.items():
            metrics.RECORDS_SKIPPED.labels(SUBMISSIONS).inc(count)
            if kind not in self._unknown and len(self._unknown) < UNKNOWN_TYPES_MAX:
                self._unknown.add(kind)
                log.warning("records of an unknown type are skipped", type=kind, **place)

    def _publish(self, events: Sequence[Event]) -> None:
        """Publish the events of a flush; raises NotReady if the broker does not acknowledge."""
        try:
            self.publisher.publish(events)
        except Unavailable as down:
            raise NotReady(down.message) from down

    def _stop(self, view: View, place: str, reason: str) -> NoReturn:
        """Report in log, metric and view why nothing is folded, then raise NotReady.

        ``place`` is the partition, or another label of the check that failed.
        """
        self.catalogues.diverge(view, place, reason)
        metrics.LOG_DIVERGED.set(1)
        if self._diverged != reason:
            log.error("nothing is folded", view_id=view.view_id, reason=reason)
        self._diverged = reason
        raise NotReady(reason)

    def watch(self) -> None:
        """Check that the log is still the same; if not, make the next `fold` raise `OwnershipLost`.

        The consumer then claims its partitions again. The Kafka client alone would silently follow
        a recreated topic at the old offset, and notices new partitions late. Without a claimed
        partition, or while the broker is down, nothing is checked. May run on any thread.
        """
        view = self._view
        if view is None:
            return
        with suppress(Unavailable):
            if not self._is_log_of(view):
                self._view = None

    def fold(self, records: Any) -> None:
        """Fold a batch into the live view and its followers.

        In a backlog the batch may still be being stored when this returns; see `stored_offset`.
        After any error the partition must be claimed again.

        Args:
            records: records of one owned partition, in order; at least one.

        Raises:
            OwnershipLost: another process owns the partition, or the log may be a different one.
            NotReady: the database is down.
            RuntimeError: too many records cannot be folded.
        """
        if self._view is None:
            raise OwnershipLost("the topic changed while it was read")
        partition = records[0].partition
        followed = self._folds[partition]
        heard = followed.fold.lease.republished
        try:
            self._follow(partition, followed)
            followed.apply(records, self.catalogues.live)
            self._view = followed.view
            if followed.fold.lease.republished != heard:
                self._behind.flush_pending()
                self._note_republished(followed.view)
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down

    @property
    def records_wanted(self) -> int:
        """Maximum number of records of the next batch: one flush, so that a batch ends soon."""
        return self._size.records

    def stored_offset(self, partition: int) -> int:
        """Return the offset of the first record of an owned partition that is not stored yet."""
        return self._folds[partition].fold.stored_offset

    def flush_pending(self) -> None:
        """Wait until every folded batch is stored.

        Raises:
            NotReady: the database cannot be reached; all partitions must be claimed again.
            OwnershipLost: another process owns a partition; all must be claimed again.
        """
        try:
            self._behind.flush_pending()
        except DOWN as down:
            raise NotReady("the database cannot be reached") from down

    def _follow(self, partition: int, followed: FollowedPartition) -> None:
        """Look now and then for views that are about to take over; fold them as followers."""
        if time.monotonic() >= self._followers_due:
            self._followers_due = time.monotonic() + FOLLOWERS_SECONDS
            self._followers = self.catalogues.followers(followed.view.topic_id)
        try:
            followed.follow(
                self._followers,
                lambda view: self.catalogues.view_progress(view.view_id).vector.get(partition, 0),
            )
        except Unavailable as trouble:
            log.warning("a view cannot follow yet", reason=trouble.message)

    def _note_republished(self, view: View) -> None:
        progress = self.snapshots.progress(view.view_id)
        # Before every partition has been claimed, one may lack its republished institutions.
        if len(progress.next_offsets) == self._partitions:
            self.catalogues.note_republished(view, progress.republished)
