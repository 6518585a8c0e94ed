"""Folds one partition of the live view, together with the views that are about to replace it.

A view that is about to take over is called a follower. It is folded before the live view, so that
its checkpoint is never behind and the pointer to the live view may move at any time. If a follower
is lost, e.g. because its builder claimed it again, or cannot be folded, the live view is
unaffected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from services.kernel.errors import OwnershipLost
from services.kernel.kafka import Record
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.views import View

FOLLOW_GAP_MAX = 5000
"""Maximum number of records that an owner catches up; a view further behind needs a rebuild."""

Claim = Callable[[View], PartitionFold]
Between = Callable[[int, int], Iterable[Sequence[Record]]]
"""Reads the records of the partition from one offset to before another, in batches."""

log = structlog.get_logger()


class FollowedPartition:
    """One partition of the live view and of its followers. Used by one thread.

    Args:
        view: the live view.
        fold: the fold of this partition for the live view.
        claim: takes the lease of the partition in a given view and returns its fold.
        between: reads the records of the partition that a follower lacks.
    """

    def __init__(self, view: View, fold: PartitionFold, claim: Claim, between: Between) -> None:
        self.view = view
        self.fold = fold
        self._claim = claim
        self._between = between
        self._followers: dict[str, PartitionFold] = {}

    def follow(self, views: Sequence[View], position: Callable[[View], int]) -> None:
        """Set the followers: from now on fold exactly these views together with the live one.

        A view is left out if it is over `FOLLOW_GAP_MAX` records behind or cannot be claimed or
        folded now; the next call tries again. The others are caught up before this returns.

        Args:
            views: the views to follow.
            position: returns the next offset of a view in this partition.
        """
        wanted = {view.view_id: view for view in views if view.view_id != self.view.view_id}
        for view_id in self._followers.keys() - wanted.keys():
            del self._followers[view_id]
        for view_id, view in wanted.items():
            here = self.fold.lease.next_offset
            if view_id not in self._followers and position(view) >= here - FOLLOW_GAP_MAX:
                self._take_up(view, here)

    def _take_up(self, view: View, here: int) -> None:
        try:
            self._followers[view.view_id] = self._caught_up(view, here)
        except (OwnershipLost, RuntimeError) as lost:
            # Its builder claimed it again, or too many of its records are parked.
            log.warning("a view cannot follow yet", view_id=view.view_id, reason=str(lost))

    def apply(self, records: Sequence[Record], answers: Callable[[], View | None]) -> None:
        """Fold a batch into the followers, then into the live view.

        A follower that cannot fold it is dropped. If the lease is lost because another view of the
        same log generation has become live, that view is folded instead.

        Args:
            records: records of the partition, in order.
            answers: returns the view that is live now, or None; called if the lease is lost.

        Raises:
            OwnershipLost: another process owns the partition, or the log was replaced.
            RuntimeError: too many records cannot be folded.
        """
        for view_id, follower in list(self._followers.items()):
            try:
                follower.apply(records)
            except (OwnershipLost, RuntimeError) as lost:
                log.warning("a view follows no longer", view_id=view_id, reason=str(lost))
                del self._followers[view_id]
        try:
            self.fold.apply(records)
        except OwnershipLost:
            live = answers()
            if live is None or live.view_id == self.view.view_id:
                raise
            if live.generation != self.view.generation:
                raise  # the log was replaced, so the partition must be claimed again
            self._turn_to(live, answers)
            self.fold.apply(records)

    def _turn_to(self, live: View, answers: Callable[[], View | None]) -> None:
        """Make another view the live one after a swap; a follower has already folded the batch."""
        fold = self._followers.pop(live.view_id, None)
        if fold is None:
            here, fold = self.fold.lease.next_offset, self._claim(live)
            now = answers()
            if now is None or now.view_id != live.view_id:
                # The live view changed again before the claim, which thus fenced off no owner.
                raise OwnershipLost(f"{live.view_id} does not answer any more")
            self._catch_up(fold, here)
        self.fold, self.view = fold, live

    def _caught_up(self, view: View, here: int) -> PartitionFold:
        fold = self._claim(view)
        self._catch_up(fold, here)
        return fold

    def _catch_up(self, fold: PartitionFold, here: int) -> None:
        for records in self._between(fold.lease.next_offset, here):
            fold.apply(records)
