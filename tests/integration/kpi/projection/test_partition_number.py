"""A view is made of a log of so many partitions: another number stops it, and is never folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.kernel.errors import NotReady, OwnershipLost, WrongState
from services.kpi.config import Settings
from services.kpi.log.identity import LogDescription
from services.kpi.projection import ownership
from services.kpi.projection.ownership import OwnedPartitions
from services.kpi.rebuild import worker
from services.kpi.store.views import View
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log

LOG = log(30)
SetPartitions = Callable[..., None]


@pytest.fixture
def set_partitions(monkeypatch: pytest.MonkeyPatch) -> SetPartitions:
    """Let the broker tell one number of partitions after the other; the last one stays."""

    def install(*numbers: int) -> None:
        left = list(numbers)

        def describe(settings: Any) -> LogDescription:
            return LogDescription("log-1", left.pop(0) if len(left) > 1 else left[0], "")

        for module in (ownership, worker):
            monkeypatch.setattr(module, "describe_log", describe)

    monkeypatch.setattr(ownership, "divergence", lambda *asked: "")
    return install


@pytest.fixture
def owner(stored: Stored) -> OwnedPartitions:
    return stored.aggregator()


def only_view(stored: Stored) -> View:
    (view,) = stored.catalogues.views()
    return view


def test_a_view_that_does_not_know_its_number_learns_it_with_the_first_claim(
    stored: Stored, owner: OwnedPartitions, set_partitions: SetPartitions
) -> None:
    assert only_view(stored).partitions == 0
    set_partitions(2)
    owner.claim(0)
    assert only_view(stored).partitions == 2
    stored.catalogues.bind(only_view(stored), 5)
    assert only_view(stored).partitions == 2


def test_another_number_stops_the_fold_and_names_the_remedy(
    stored: Stored, owner: OwnedPartitions, set_partitions: SetPartitions
) -> None:
    set_partitions(1)
    owner.claim(0)
    owner.fold(LOG[:10])
    told = list(stored.told)
    assert told
    set_partitions(3)
    owner.watch()
    with pytest.raises(OwnershipLost):
        owner.fold(LOG[10:20])
    assert stored.told == told
    for partition in (0, 2):
        with pytest.raises(NotReady, match=r"has 3 partitions, and .* was made of 1; .* 3`"):
            owner.claim(partition)
    (trouble,) = only_view(stored).diverged.values()
    assert trouble.startswith("LOG_DIVERGED")
    assert trouble.endswith("an operator runs `kieng log repartition 3`")
    assert not only_view(stored).has_its_log
    assert stored.catalogues.view_progress(stored.view.view_id).vector == {0: 10}
    # A broker that said it by mistake is believed again.
    set_partitions(1)
    assert owner.claim(0) == 10
    assert only_view(stored).diverged == {}


def test_who_hears_of_the_number_only_after_the_claim_folds_nothing(
    stored: Stored, owner: OwnedPartitions, set_partitions: SetPartitions
) -> None:
    set_partitions(1)
    owner.claim(0)
    set_partitions(1, 3)
    with pytest.raises(OwnershipLost, match="another one now"):
        owner.claim(0)


def test_a_view_is_not_loaded_from_a_log_of_another_number(
    stored: Stored, set_partitions: SetPartitions
) -> None:
    stored.catalogues.bind(stored.view, 1)
    set_partitions(3)
    with pytest.raises(RuntimeError, match=r"LOG_DIVERGED: .* has 3 partitions"):
        worker._bring_up(Settings(), stored.mongo, stored.view.view_id, 0, 10)


def test_a_new_generation_is_opened_only_when_the_records_before_are_removed(
    stored: Stored,
) -> None:
    """A record and its repetition would be in different partitions, and count twice."""
    stored.catalogues.bind(stored.view, 1)
    fold = stored.claimed()
    fold.apply(LOG[:10])
    whole = {0: 0, 1: 0, 2: 0}
    for begins in (whole, {**whole, 0: 9}):
        with pytest.raises(WrongState, match="kieng log repartition 3") as refused:
            stored.catalogues.open("log-1", 1, begins)
        assert refused.value.reason == "LOG_DIVERGED"
    opened = stored.catalogues.open("log-1", 1, {**whole, 0: 12})
    assert (opened.generation, opened.state, opened.partitions) == (2, "building", 3)
    assert opened.begins == {0: 12, 1: 0, 2: 0}
    assert stored.catalogues.open("log-1", 1, {**whole, 0: 12}) == opened
    assert stored.catalogues.folded("log-1") == opened
    with pytest.raises(OwnershipLost):
        fold.apply(LOG[10:])
