from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import TopicPartition

from services.kernel.bell import Bell
from services.kernel.config import KernelSettings
from services.kernel.kafka import Consume
from services.kernel.quietness import (
    PAUSE_SECONDS,
    POLL_MS,
    QUIET_AFTER_SECONDS,
    RUNG_SECONDS,
    SHORT_POLL_MS,
    Quietness,
)

NOTHING: dict[Any, Any] = {}


class Resting:
    """A consumer entrypoint whose pauses are noted, and its clock."""

    def __init__(self, membership: Any, folder: Path | None, is_rung: bool) -> None:
        self.now, self.rests = 0.0, list[float]()
        self.consume = Consume(group="g.rest")
        self.consume.bell = Bell()
        self.consume._quietness = Quietness(lambda: self.now)
        settings = KernelSettings(kafka_membership=membership, bell_folder=folder)
        container = SimpleNamespace(settings=settings)
        self.consume.container = self.consume.bell.container = container
        waiting = SimpleNamespace(wait=self._wait, clear=lambda: None)
        self.consume.wake = cast(Any, waiting)
        self._is_rung = is_rung

    def _wait(self, seconds: float) -> bool:
        self.rests.append(seconds)
        return self._is_rung


@pytest.mark.parametrize("is_rung", [True, False])
@pytest.mark.parametrize("folder", [None, Path("bell")])
@pytest.mark.parametrize("membership", ["sole", "group"])
def test_only_the_embedded_broker_is_asked_seldom_in_quiet_times(
    membership: Any, folder: Path | None, is_rung: bool
) -> None:
    resting = Resting(membership, folder, is_rung)
    consume = resting.consume
    resting.now = QUIET_AFTER_SECONDS + 0.1
    is_alone = membership == "sole"
    short = SHORT_POLL_MS if is_alone and not is_rung else POLL_MS
    assert consume._rest(NOTHING) == short
    assert resting.rests == ([RUNG_SECONDS if folder else PAUSE_SECONDS] if is_alone else [])
    assert consume._quietness.is_quiet is not (is_alone and is_rung)


@pytest.mark.parametrize(("is_rung", "then_ms"), [(True, POLL_MS), (False, SHORT_POLL_MS)])
def test_a_consumer_with_a_bell_pauses_until_it_is_rung_for(is_rung: bool, then_ms: int) -> None:
    resting = Resting("sole", Path("bell"), is_rung)
    assert resting.consume._rest(NOTHING) == then_ms
    assert resting.rests == [PAUSE_SECONDS]  # no longer, in case a ring was missed


@pytest.mark.parametrize(("membership", "folder"), [("sole", None), ("group", Path("bell"))])
def test_without_a_bell_or_with_a_broker_that_answers_at_once_there_is_no_pause(
    membership: str, folder: Path | None
) -> None:
    resting = Resting(membership, folder, True)
    assert (resting.consume._rest(NOTHING), resting.rests) == (POLL_MS, [])


@pytest.mark.parametrize(
    ("end", "then_ms"), [(8, SHORT_POLL_MS), (9, POLL_MS), (None, SHORT_POLL_MS)]
)
def test_while_there_is_more_in_the_log_it_is_waited_for(end: int | None, then_ms: int) -> None:
    resting = Resting("sole", Path("bell"), False)
    resting.consume._consumer = cast(Any, SimpleNamespace(highwater=lambda partition: end))
    polled = {TopicPartition("t", 0): [SimpleNamespace(offset=7)]}
    assert (resting.consume._rest(cast(Any, polled)), resting.rests) == (then_ms, [])
