from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.kernel.errors import NotFound, OwnershipLost, WrongState
from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.domain.targets import Target
from services.kpi.store.documents import DATABASE
from services.kpi.store.purge import ViewPurge
from services.kpi.store.targets import Targets
from services.kpi.store.views import View
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import catalogue_message

LOG = log(60)


def copy() -> catalogue_pb2.Catalogue:
    message = catalogue_pb2.Catalogue()
    message.CopyFrom(catalogue_message())
    return message


def test_the_same_catalogue_published_again_answers_its_version(stored: Stored) -> None:
    assert [stored.catalogues.publish(copy()) for _ in range(3)] == [1, 1, 1]
    assert len(stored.documents("catalogues")) == 1
    assert stored.catalogues.message(1) == catalogue_message()


def test_another_catalogue_is_a_version_of_its_own(stored: Stored) -> None:
    other = copy()
    del other.indicators[-1]
    assert [stored.catalogues.publish(message) for message in (other, copy(), other)] == [2, 1, 2]
    assert len(stored.catalogues.message(2).indicators) == len(copy().indicators) - 1
    with pytest.raises(NotFound):
        stored.catalogues.message(3)


def test_a_directory_version_stays_as_it_came(stored: Stored) -> None:
    with pytest.raises(WrongState) as refused:
        stored.catalogues.directory(0)
    assert refused.value.reason == "NO_DIRECTORY"
    first = directory_pb2.Directory(version=1, units=[directory_pb2.Unit(unit_id="a")])
    stored.catalogues.keep_directory(first)
    stored.catalogues.keep_directory(directory_pb2.Directory(version=2))
    stored.catalogues.keep_directory(directory_pb2.Directory(version=1))
    assert stored.catalogues.directory(1) == first
    assert stored.catalogues.directory(0).version == 2


def test_the_first_view_is_live_at_once_and_opening_it_again_finds_it(stored: Stored) -> None:
    assert (stored.view.state, stored.view.generation) == ("live", 1)
    assert stored.open("log-1") == stored.view
    assert stored.catalogues.folded("log-1") == stored.view
    assert stored.catalogues.folded("log-9") is None


def test_a_later_generation_is_live_when_every_institution_was_published_again(
    stored: Stored,
) -> None:
    second = stored.open("log-2")
    assert (second.state, second.generation) == ("building", 2)
    assert set(second.awaits) == {"alpha", "beta", "gamma"}
    assert stored.catalogues.live() == stored.view
    stored.catalogues.note_republished(second, frozenset({"gamma"}))
    waiting = stored.catalogues.folded("log-2")
    assert waiting is not None
    assert waiting.awaits == ("alpha", "beta")
    assert stored.catalogues.live() == stored.view
    stored.catalogues.note_republished(waiting, frozenset({"alpha", "beta", "gamma"}))
    live = stored.catalogues.live()
    assert live is not None
    assert (live.view_id, live.awaits) == (second.view_id, ())
    states = {view.view_id: view.state for view in stored.catalogues.views()}
    assert states == {stored.view.view_id: "retired", second.view_id: "live"}


EVERYBODY = frozenset({"alpha", "beta", "gamma"})


def test_who_still_folds_the_log_before_can_commit_no_more(stored: Stored) -> None:
    fold = stored.claimed()
    fold.apply(LOG[:5])
    stored.open("log-2")
    with pytest.raises(OwnershipLost):
        fold.apply(LOG[5:10])
    assert stored.catalogues.view_progress(stored.view.view_id).vector == {0: 5}


def test_a_log_has_one_generation_whoever_opens_it_and_by_which_catalogue(stored: Stored) -> None:
    second = stored.open("log-2")
    version = stored.catalogues.publish(smaller())
    assert stored.catalogues.open("log-2", version) == second
    late = replace(second, view_id=f"g2-c2-f{FOLD_VERSION}", catalogue_version=version)
    assert not stored.catalogues.insert_generation(late), "somebody else was faster"
    assert not stored.catalogues.insert_generation(replace(second, topic_id="log-3"))
    other = replace(late, topic_id="log-3")
    assert stored.catalogues.insert_generation(other)
    assert stored.catalogues.folded("log-3") == other


def test_no_catalogue_names_an_institution_that_a_new_log_does_not_hold(stored: Stored) -> None:
    second = stored.open("log-2")
    stored.catalogues.note_republished(second, EVERYBODY)
    stored.ledger.claim(second.view_id, 0)
    version = stored.catalogues.publish(smaller())
    progress = stored.mongo.database(DATABASE)["progress"]
    for heard, missing in (([], "alpha, beta, gamma"), (["alpha", "gamma"], "beta")):
        progress.update_many({"v": second.view_id}, {"$set": {"republished": heard}})
        with pytest.raises(WrongState, match=f"the log does not hold {missing} yet") as refused:
            stored.catalogues.build_beside(version, None)
        assert refused.value.reason == "NOT_REPUBLISHED"
        # A release that folds otherwise builds the live catalogue anew, whatever the log holds.
        assert stored.catalogues.build_beside(1, None).view_id == second.view_id
    everybody = {"$set": {"republished": sorted(EVERYBODY)}}
    progress.update_many({"v": second.view_id}, everybody)
    assert stored.catalogues.build_beside(version, None).phase == "loading"


def test_who_slept_lets_no_generation_answer_that_is_over(stored: Stored) -> None:
    second = stored.open("log-2")
    stored.catalogues.note_republished(second, EVERYBODY)
    third = stored.open("log-3")
    stored.catalogues.note_republished(third, EVERYBODY)
    stored.catalogues.note_republished(second, EVERYBODY)
    live = stored.catalogues.live()
    assert live is not None
    assert live.view_id == third.view_id
    assert stored.catalogues.view(second.view_id) != second


def test_a_view_of_a_lost_log_takes_over_from_no_newer_one(stored: Stored) -> None:
    view = stored.catalogues.build_beside(stored.catalogues.publish(smaller()), None)
    for phase in ("verifying", "following"):
        assert stored.catalogues.advance(view, phase)
        view = stored.catalogues.view(view.view_id) or view
    second = stored.open("log-2")
    stored.catalogues.note_republished(second, EVERYBODY)
    assert not stored.catalogues.swap(view)
    live = stored.catalogues.live()
    assert live is not None
    assert live.view_id == second.view_id


def took_over(stored: Stored, code: str) -> View:
    """Publish a catalogue without an indicator, and let its empty view take over."""
    view = stored.catalogues.build_beside(stored.catalogues.publish(smaller(code)), None)
    for phase in ("verifying", "following"):
        assert stored.catalogues.advance(view, phase)
        view = stored.catalogues.view(view.view_id) or view
    assert stored.catalogues.swap(view)
    return view


def test_only_the_view_before_the_live_one_is_kept(stored: Stored) -> None:
    first = stored.view
    stored.claimed().apply(LOG)
    stored.open("log-1")
    second = stored.catalogues.build_beside(stored.catalogues.publish(smaller()), None)
    stored.ledger.claim(second.view_id, 0)
    assert not stored.catalogues.swap(second), "it has read nothing"
    with pytest.raises(WrongState, match="is being built"):
        stored.catalogues.build_beside(stored.catalogues.publish(smaller("KNW-02")), None)
    stored.catalogues.refuse(second, "in the way")
    assert stored.catalogues.purgeable() == []
    progress = stored.mongo.database("kieng_kpi")["progress"]
    progress.delete_many({"v": first.view_id})
    third, fourth = took_over(stored, "KNW-01"), took_over(stored, "KNW-03")
    live = stored.catalogues.live()
    assert live is not None
    assert live.view_id == fourth.view_id
    assert stored.catalogues.former() == stored.catalogues.view(third.view_id)
    over = stored.catalogues.purgeable()
    assert {view.view_id for view in over} == {first.view_id, second.view_id}
    with pytest.raises(WrongState, match="being removed"):
        stored.catalogues.build_beside(1, None)
    removal = ViewPurge(stored.mongo)
    for view in over:
        while removal.step(view):
            pass
    assert stored.catalogues.purgeable() == []
    left = {d["v"] for name in ("cells", "works", "progress") for d in stored.documents(name)}
    assert left <= {third.view_id, fourth.view_id}
    states = {view.view_id: view.state for view in stored.catalogues.views()}
    assert states[first.view_id] == states[second.view_id] == "removed"
    again = stored.catalogues.build_beside(1, None)
    assert (again.view_id, again.state, again.phase) == (first.view_id, "building", "loading")


def smaller(code: str = "COM-01") -> catalogue_pb2.Catalogue:
    other = copy()
    other.indicators.remove(next(one for one in other.indicators if one.code == code))
    return other


def test_a_target_is_told_once_for_each_value(stored: Stored) -> None:

    targets = Targets(stored.mongo)
    target = Target("alpha", "KNW-01", 2025, 120)
    targets.set(target)
    targets.mark_reached(target, datetime.now(UTC))
    targets.set(target)
    assert [found.is_reached for found in targets.all()] == [True]
    higher = Target("alpha", "KNW-01", 2025, 130)
    targets.set(higher)
    assert targets.all() == [higher]
    targets.mark_reached(target, datetime.now(UTC))
    assert targets.all() == [higher]
