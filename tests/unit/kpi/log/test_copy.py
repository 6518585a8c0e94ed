"""The whole log is read to its end: under load, through a pause of the broker, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition

from services.kernel.errors import Unavailable
from services.kpi.log.copy import QUIET_POLLS, SILENT_POLLS_MAX, whole
from tests.unit.kpi.builders import FakeRecord

ONE, TWO = TopicPartition("log", 0), TopicPartition("log", 1)
Polled = dict[TopicPartition, list[FakeRecord]]


@dataclass
class FakeConsumer:
    """A broker that hands out what a script says: per poll partition -> number of records.

    ``ends`` are its answers when it is asked for the end; the last one stays.
    """

    polls: Iterator[dict[TopicPartition, int]]
    ends: list[dict[TopicPartition, int]]
    at: dict[TopicPartition, int] = field(default_factory=dict)
    paused: set[TopicPartition] = field(default_factory=set)
    polled: int = 0

    def beginning_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        answer = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        return {place: answer[place] for place in places}

    def position(self, place: TopicPartition) -> int:
        return self.at.get(place, 0)

    def pause(self, *places: TopicPartition) -> None:
        self.paused |= set(places)

    def poll(self, timeout_ms: int) -> Polled:
        self.polled += 1
        found: Polled = {}
        for place, count in next(self.polls, {}).items():
            if count and place not in self.paused:
                begin = self.position(place)
                self.at[place] = begin + count
                found[place] = [
                    FakeRecord(offset, b"", partition=place.partition)
                    for offset in range(begin, begin + count)
                ]
        return found


def read(consumer: FakeConsumer, *places: TopicPartition) -> list[tuple[int, int]]:
    return [(record.partition, record.offset) for record in whole(consumer, places or (ONE,))]


def test_a_log_at_rest_is_read_to_its_end() -> None:
    consumer = FakeConsumer(iter([{ONE: 2}, {ONE: 1}]), [{ONE: 3}])
    assert read(consumer) == [(0, 0), (0, 1), (0, 2)]
    assert consumer.polled == 2 + QUIET_POLLS + 1


def test_a_last_batch_behind_the_told_end_comes_after_a_pause() -> None:
    """The embedded broker tells 3 where there are 6."""
    silence: list[dict[TopicPartition, int]] = [{}] * QUIET_POLLS
    consumer = FakeConsumer(iter([{ONE: 3}, *silence, {ONE: 3}]), [{ONE: 3}])
    assert len(read(consumer)) == 6


def test_a_steady_load_does_not_keep_the_reader() -> None:
    def load() -> Iterator[dict[TopicPartition, int]]:
        while True:
            yield {ONE: 2, TWO: 1}

    ends = [{ONE: 4 + step, TWO: 1 + step} for step in range(100)]
    consumer = FakeConsumer(load(), ends)
    found = read(consumer, ONE, TWO)
    assert {(0, offset) for offset in range(4)} < set(found)
    assert consumer.polled < 50
    assert consumer.paused == {ONE, TWO}


def test_a_load_on_one_partition_ends_first_and_the_quiet_one_is_read() -> None:
    polls = iter([{ONE: 5}, {ONE: 5}, {ONE: 5, TWO: 2}])
    consumer = FakeConsumer(polls, [{ONE: 5, TWO: 2}, {ONE: 6, TWO: 2}])
    assert len(read(consumer, ONE, TWO)) == 12


def test_a_broker_that_stops_in_the_middle_is_not_taken_for_the_end() -> None:
    consumer = FakeConsumer(iter([{ONE: 2}]), [{ONE: 3}])
    with pytest.raises(Unavailable, match="partition 0 stops at offset 2, but reaches to 3"):
        read(consumer)
    assert consumer.polled == 1 + SILENT_POLLS_MAX + 1


def test_an_empty_partition_is_not_waited_for() -> None:
    consumer = FakeConsumer(iter([]), [{ONE: 0}])
    assert read(consumer) == []
    assert consumer.polled == 0
