"""One partition of the view that answers, folded together with views about to take its place.

A follower is folded first: whatever was committed, it has read at least as much as the live view,
so the pointer may move at any time. That a follower is lost, e.g. because its builder took it back,
or cannot be folded, does not touch the live view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import structlog

from services.kernel.errors import OwnershipLost
from services.kernel.kafka import Record
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.views import View

FOLLOW_GAP_MAX = 5000
"""Most records that an owner reads in between; a view farther behind is caught up beside it."""

Claim = Callable[[View], PartitionFold]
Between = Callable[[int, int], Iterable[Sequence[Record]]]
"""Reads the records of the partition from one offset up to another, in batches."""

log = structlog.get_logger()


class FollowedPartition:
    """A partition of the live view and of its followers. Used by one thread.

    Args:
        view: the view that answers.
        fold: its fold.
        claim: claims the partition of a view and returns its fold.
        between: reads records that a follower lacks.
    """

    def __init__(self, view: View, fold: PartitionFold, claim: Claim, between: Between) -> None:
        self.view = view
        self.fold = fold
        self._claim = claim
        self._between = between
        self._followers: dict[str, PartitionFold] = {}

    def follow(self, views: Sequence[View], position: Callable[[View], int]) -> None:
        """Fold these views too from now on, and no others.

        Args:
            views: views that follow.
            position: offset at which a view stands in this partition.
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
            # Its loader goes on with it, or it sets too much aside: neither is the live view's.
            log.warning("a view cannot follow yet", view_id=view.view_id, reason=str(lost))

    def apply(self, records: Sequence[Record], answers: Callable[[], View | None]) -> None:
        """Fold a batch into the followers, then into the live view.

        Args:
            records: records of the partition in order.
            answers: tells which view answers now; asked when the live view was taken away.

        Raises:
            OwnershipLost: another process owns the partition.
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
                raise  # a log that lost its past; it has to be claimed anew
            self._turn_to(live, answers)
            self.fold.apply(records)

    def _turn_to(self, live: View, answers: Callable[[], View | None]) -> None:
        """Go on with the view that took over; what followed it in time has the batch already."""
        fold = self._followers.pop(live.view_id, None)
        if fold is None:
            here, fold = self.fold.lease.next_offset, self._claim(live)
            now = answers()
            if now is None or now.view_id != live.view_id:
                # The pointer moved on before the claim, so the new epoch fences nobody off.
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
