"""The steps of a view that is built: what leads on, what refuses, what is tried again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from services.kpi.projection.followers import FOLLOW_GAP_MAX
from services.kpi.rebuild.lifecycle import (
    FAILURES_MAX,
    PATIENCE_STEPS,
    Failed,
    OracleReport,
    Rebuild,
)
from services.kpi.store.views import Vector, View, ViewProgress

LIVE = View("g1-c1-f1", "live", 1, "topic", 1, ())
NEW = View("g1-c2-f1", "building", 1, "topic", 2, (), phase="loading", targets={0: 10, 1: 5})


@dataclass
class FakeViews:
    """The catalogues as building sees them."""

    live_view: View | None = LIVE
    new: View = NEW
    standings: dict[str, ViewProgress] = field(default_factory=dict)
    swapped: list[str] = field(default_factory=list)
    can_swap: bool = True

    def __post_init__(self) -> None:
        self.stands(LIVE, {0: 10, 1: 5})
        self.stands(NEW, {})

    def stands(self, view: View, vector: Vector, parked: int = 0) -> None:
        self.standings[view.view_id] = ViewProgress(vector, parked, sum(vector.values()))

    def views(self) -> list[View]:
        return [self.new, LIVE]

    def live(self) -> View | None:
        return self.live_view

    def view_progress(self, view_id: str) -> ViewProgress:
        return self.standings[view_id]

    def advance(self, view: View, phase: str) -> bool:
        self.new = replace(self.new, phase=phase)
        return True

    def refuse(self, view: View, reason: str) -> None:
        self.new = replace(self.new, state="refused", phase="", reason=reason)

    def swap(self, view: View) -> bool:
        self.swapped.append(view.view_id)
        return self.can_swap


@dataclass
class FakeWork:
    """Long work that is done at once, or fails."""

    folded: list[dict[int, int]] = field(default_factory=list)
    comparison: OracleReport | None = field(default_factory=OracleReport)
    failure: str = ""
    stopped: int = 0

    def fold(self, view: View, ends: Vector) -> bool:
        if self.failure:
            raise Failed(self.failure)
        self.folded.append(dict(ends))
        return True

    def verify(self, view: View, ends: Vector) -> OracleReport | None:
        return self.comparison

    def stop(self) -> None:
        self.stopped += 1


def step(views: FakeViews, work: FakeWork, times: int = 1) -> Rebuild:
    building = Rebuild(views, work)
    for _ in range(times):
        building.step(views.new)
    return building


def test_only_partitions_that_are_behind_are_loaded() -> None:
    views, work = FakeViews(), FakeWork()
    views.stands(NEW, {1: 5})
    step(views, work)
    assert work.folded == [{0: 10}]
    assert views.new.phase == "loading"


def test_a_loaded_view_is_verified_then_follows_then_takes_over() -> None:
    views, work = FakeViews(), FakeWork()
    views.stands(NEW, {0: 10, 1: 5})
    building = step(views, work)
    assert views.new.phase == "verifying"
    work.comparison = None
    building.step(views.new)
    assert views.new.phase == "verifying"
    work.comparison = OracleReport()
    building.step(views.new)
    assert views.new.phase == "following"
    building.step(views.new)
    assert views.swapped == [NEW.view_id]


def test_a_cell_that_sql_has_otherwise_refuses_the_view_and_is_named() -> None:
    views, work = FakeViews(new=replace(NEW, phase="verifying")), FakeWork()
    said = ["partition 0, vnu 2025-01 KNW-03:verified: 2, SQL says 3"]
    work.comparison = OracleReport(1234, said)
    step(views, work)
    assert views.new.state == "refused"
    assert views.new.reason.startswith("ORACLE_DIFFERS: 1234 cells")
    assert "SQL says 3" in views.new.reason
    assert views.swapped == []


def test_more_parked_records_than_the_live_view_has_need_a_word() -> None:
    for allowed, parked, state in ((None, 3, "building"), (None, 4, "refused"), (4, 4, "building")):
        views, work = FakeViews(new=replace(NEW, parked_max=allowed)), FakeWork()
        views.stands(LIVE, {0: 10, 1: 5}, parked=3)
        views.stands(NEW, {0: 10, 1: 5}, parked=parked)
        step(views, work)
        assert views.new.state == state


def test_a_view_that_is_far_behind_is_caught_up_and_a_small_gap_is_left_to_the_owner() -> None:
    views, work = FakeViews(new=replace(NEW, phase="following")), FakeWork()
    views.stands(NEW, {0: 10, 1: 5})
    views.stands(LIVE, {0: 10 + FOLLOW_GAP_MAX, 1: 5})
    building = step(views, work)
    assert (work.folded, views.swapped) == ([], [])
    views.stands(LIVE, {0: 11 + FOLLOW_GAP_MAX, 1: 5})
    building.step(views.new)
    assert work.folded == [{0: 11 + FOLLOW_GAP_MAX}]


def test_a_small_gap_that_nobody_closes_is_closed_after_a_while() -> None:
    """Nothing new may come, and an owner only joins with a batch."""
    views, work = FakeViews(new=replace(NEW, phase="following")), FakeWork()
    views.stands(NEW, {0: 9, 1: 5})
    step(views, work, PATIENCE_STEPS + 1)
    assert work.folded == []
    step(views, work, PATIENCE_STEPS + 2)
    assert work.folded == [{0: 10}]


def test_work_that_fails_is_tried_again_and_at_last_refuses_the_view() -> None:
    views, work = FakeViews(), FakeWork(failure="the log cannot be read")
    building = step(views, work, FAILURES_MAX - 1)
    assert views.new.state == "building"
    building.step(views.new)
    assert (views.new.state, views.new.reason) == ("refused", "the log cannot be read")


def test_a_view_of_another_generation_of_the_log_is_given_up() -> None:
    for live in (None, replace(LIVE, generation=2), replace(LIVE, diverged={"log": "gone"})):
        views, work = FakeViews(live_view=live), FakeWork()
        step(views, work)
        assert "LOG_DIVERGED" in views.new.reason
        assert work.stopped == 1


def test_the_oldest_view_is_built_first() -> None:
    views = FakeViews()
    assert Rebuild(views, FakeWork()).wanted() == NEW
    views.new = replace(NEW, phase="", state="refused")
    assert Rebuild(views, FakeWork()).wanted() is None
