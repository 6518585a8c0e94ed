"""One partition of the live view and of the views that are about to take its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from services.kernel.errors import OwnershipLost
from services.kpi.projection import followers
from services.kpi.projection.followers import FollowedPartition
from services.kpi.projection.partition_fold import PartitionFold
from services.kpi.store.views import View
from services.kpi.store.writes import PartitionLease
from tests.unit.kpi.builders import FakeRecord, record

LIVE = View("g1-c1-f1", "live", 1, "topic", 1, ())
NEW = replace(LIVE, view_id="g1-c2-f1", state="building", phase="following")
LOG = [record(offset, b"") for offset in range(20)]


class FakeFold:
    """Remembers offsets; loses its partition, or its mind, at a given one."""

    def __init__(self, next_offset: int = 0, trouble: Exception | None = None) -> None:
        self.lease = PartitionLease("v", 0, 1, next_offset, 0, 0, frozenset())
        self.trouble = trouble
        self.folded: list[int] = []

    def apply(self, records: list[FakeRecord]) -> None:
        if self.trouble is not None:
            raise self.trouble
        new = [r.offset for r in records if r.offset >= self.lease.next_offset]
        self.folded += new
        end = max([self.lease.next_offset, *(offset + 1 for offset in new)])
        self.lease = replace(self.lease, next_offset=end)


class Partition:
    """A followed partition whose views' folds are at hand."""

    def __init__(self, live: FakeFold, **folds: FakeFold) -> None:
        self.folds = {NEW.view_id: folds.get("new", FakeFold())}
        self.claimed: list[str] = []
        self.followed = FollowedPartition(LIVE, self._fold(live), self._claim, self._between)

    def _claim(self, view: View) -> PartitionFold:
        self.claimed.append(view.view_id)
        return self._fold(self.folds[view.view_id])

    def _between(self, begin: int, end: int) -> list[Any]:
        return [LOG[begin:end]] if begin < end else []

    def _fold(self, fold: FakeFold) -> PartitionFold:
        return cast(PartitionFold, fold)

    def follow(self, *views: View) -> None:
        self.followed.follow(views, lambda view: self.folds[view.view_id].lease.next_offset)


def test_a_follower_reads_what_it_lacks_and_then_every_batch_first() -> None:
    live, new = FakeFold(5), FakeFold(3)
    partition = Partition(live, new=new)
    partition.follow(NEW)
    assert new.folded == [3, 4]
    partition.followed.apply(LOG[5:8], lambda: LIVE)
    assert (live.folded, new.folded) == ([5, 6, 7], [3, 4, 5, 6, 7])
    partition.follow(NEW)
    assert partition.claimed == [NEW.view_id]
    partition.follow()
    partition.followed.apply(LOG[8:9], lambda: LIVE)
    assert (live.folded[-1], new.folded[-1]) == (8, 7)


def test_a_view_that_is_far_behind_is_left_to_its_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "FOLLOW_GAP_MAX", 3)
    partition = Partition(FakeFold(9), new=FakeFold(5))
    partition.follow(NEW)
    assert partition.claimed == []


@pytest.mark.parametrize("trouble", [OwnershipLost("taken back"), RuntimeError("too many parked")])
def test_trouble_of_a_follower_leaves_the_live_view_alone(trouble: Exception) -> None:
    live, new = FakeFold(), FakeFold()
    partition = Partition(live, new=new)
    partition.follow(NEW)
    new.trouble = trouble
    partition.followed.apply(LOG[:3], lambda: LIVE)
    assert live.folded == [0, 1, 2]


def test_when_the_pointer_has_moved_the_follower_goes_on_as_the_live_view() -> None:
    live, new = FakeFold(), FakeFold()
    partition = Partition(live, new=new)
    partition.follow(NEW)
    live.trouble = OwnershipLost("the epoch is over")
    partition.followed.apply(LOG[:3], lambda: NEW)
    assert partition.followed.view == NEW
    assert new.folded == [0, 1, 2]
    partition.followed.apply(LOG[3:5], lambda: NEW)
    assert new.folded == [0, 1, 2, 3, 4]


def test_when_the_pointer_moved_unseen_the_new_view_is_claimed_and_caught_up() -> None:
    live, new = FakeFold(4), FakeFold(2)
    partition = Partition(live, new=new)
    live.trouble = OwnershipLost("the epoch is over")
    partition.followed.apply(LOG[4:6], lambda: NEW)
    assert partition.claimed == [NEW.view_id]
    assert new.folded == [2, 3, 4, 5]


@pytest.mark.parametrize("answers", [None, LIVE, replace(NEW, generation=2)])
def test_a_partition_that_another_process_owns_is_given_up(answers: View | None) -> None:
    live = FakeFold(trouble=OwnershipLost("another owner"))
    with pytest.raises(OwnershipLost):
        Partition(live).followed.apply(LOG[:1], lambda: answers)
