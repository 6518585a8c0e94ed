from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafka import TopicPartition

from services.kernel.errors import Unavailable
from services.kpi.log import reader
from services.kpi.log.reader import SILENT_SECONDS_MAX, _batches

PLACE = TopicPartition(reader.TOPIC, 0)


class FakeConsumer:
    """Answers polls one after the other; each takes two seconds."""

    def __init__(self, clock: SimpleNamespace, answers: list[list[int]]) -> None:
        self._clock = clock
        self._answers = iter(answers)
        self._position = 0

    def assign(self, places: list[TopicPartition]) -> None:
        assert places == [PLACE]

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._position = offset

    def position(self, place: TopicPartition) -> int:
        return self._position

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        self._clock.now += 2.0
        records = [SimpleNamespace(offset=offset) for offset in next(self._answers, [])]
        if not records:
            return {}
        self._position = records[-1].offset + 1
        return {PLACE: records}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(reader, "time", clock)
    return clock


def offsets(consumer: FakeConsumer, end: int) -> list[list[int]]:
    batches = _batches(consumer, PLACE, 0, end)  # type: ignore[arg-type]
    return [[record.offset for record in records] for records in batches]


def test_only_what_lies_before_the_end_is_read(clock: SimpleNamespace) -> None:
    assert offsets(FakeConsumer(clock, [[0, 1], [], [2, 3, 4]]), 4) == [[0, 1], [2, 3]]


def test_a_broker_that_stays_silent_is_told(clock: SimpleNamespace) -> None:
    with pytest.raises(Unavailable, match="ends before offset 9"):
        offsets(FakeConsumer(clock, [[0, 1]]), 9)
    assert clock.now == pytest.approx(100 + 2 + SILENT_SECONDS_MAX, abs=2)


def test_who_takes_the_records_may_take_its_time(clock: SimpleNamespace) -> None:
    found = []
    batches = _batches(FakeConsumer(clock, [[0], [], [1]]), PLACE, 0, 2)  # type: ignore[arg-type]
    for records in batches:
        found += [record.offset for record in records]
        clock.now += SILENT_SECONDS_MAX
    assert found == [0, 1]
