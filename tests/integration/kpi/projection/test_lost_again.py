"""The log is lost while somebody is about to fold it, to build a view of it, or to fill it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kieng.kpi.v1 import catalogue_service_pb2
from services.kernel.errors import NotReady, OwnershipLost, Unavailable, WrongState
from services.kpi.api.binding import Effects
from services.kpi.config import Settings
from services.kpi.domain.catalogue import FOLD_VERSION
from services.kpi.log.identity import LogDescription
from services.kpi.projection import ownership
from services.kpi.projection.ownership import OwnedPartitions
from services.kpi.rebuild import worker
from tests.integration.kpi.conftest import Stored

Answers = Callable[..., None]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Let the broker tell one topic id after the other; the last one stays."""

    def install(*topic_ids: str) -> None:
        left = list(topic_ids)

        def describe(settings: Any) -> LogDescription:
            return LogDescription(left.pop(0) if len(left) > 1 else left[0], 1, "")

        for module in (ownership, worker):
            monkeypatch.setattr(module, "describe_log", describe)

    monkeypatch.setattr(ownership, "divergence", lambda *asked: "")
    return install


@pytest.fixture
def lease(stored: Stored) -> OwnedPartitions:
    return stored.aggregator()


def troubles(stored: Stored) -> Sequence[str]:
    (view,) = stored.catalogues.views()
    return list(view.diverged.values())


def test_a_partition_is_claimed_of_the_log_that_is_there(
    stored: Stored, lease: OwnedPartitions, answers: Answers
) -> None:
    answers("log-1")
    assert lease.claim(0) == 0
    answers("log-1", "log-2")
    with pytest.raises(OwnershipLost, match="another one now"):
        lease.claim(0)
    assert troubles(stored) == []


def test_only_a_view_whose_log_is_gone_is_said_to_have_lost_it(
    stored: Stored, lease: OwnedPartitions, answers: Answers
) -> None:
    """Who slept since it asked knows nothing of the view that was opened meanwhile."""
    answers("log-0", "log-1")
    with pytest.raises(NotReady):
        lease.claim(0)
    assert troubles(stored) == []
    answers("log-2")
    with pytest.raises(NotReady, match="LOG_DIVERGED"):
        lease.claim(0)
    assert ["LOG_DIVERGED" in text for text in troubles(stored)] == [True]


@pytest.mark.parametrize("ids", [("log-2",), ("log-1", "log-2")])
def test_a_view_is_not_loaded_from_another_log(
    stored: Stored, answers: Answers, monkeypatch: pytest.MonkeyPatch, ids: tuple[str, ...]
) -> None:
    """Neither from the start, nor after a bulk load in between."""
    monkeypatch.setattr(worker, "rebuild", lambda *asked: None)
    answers(*ids)
    with pytest.raises(RuntimeError, match="LOG_DIVERGED"):
        worker._bring_up(Settings(), stored.mongo, stored.view.view_id, 0, 10)


def test_a_generation_of_a_log_that_is_lost_again_is_refused_at_once(stored: Stored) -> None:
    left = ["log-2", "log-3", "log-3", "log-3"]
    effects = Effects(stored.catalogues, lambda: (left.pop(0), {0: 0}))
    request = catalogue_service_pb2.OpenLogGenerationRequest(topic_id="log-2", partitions=1)
    with pytest.raises(Unavailable, match="repeat"):
        effects.open_generation(request)
    with pytest.raises(WrongState, match="another one by now"):
        effects.open_generation(request)
    left.append("log-3")
    refused = stored.catalogues.view(f"g2-c1-f{FOLD_VERSION}")
    assert refused is not None
    assert (refused.state, refused.topic_id) == ("refused", "log-2")
    request.topic_id = "log-3"
    opened = effects.open_generation(request)
    assert (opened.view_id, opened.state, opened.phase) == (
        f"g3-c1-f{FOLD_VERSION}",
        "building",
        "",
    )
