"""Partitions are read to an end: a known one, or the present one, which a broker may not know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition
from kafka.errors import OffsetOutOfRangeError

from services.kernel.errors import Unavailable
from services.kpi.log.reader import (
    QUIET_POLLS,
    SILENT_POLLS_MAX,
    KnownEnd,
    batches,
    record_at,
    seek,
    to_present_end,
)
from services.kpi.log.topic import SUBMISSIONS
from tests.unit.kpi.builders import FakeRecord

ONE, TWO = TopicPartition(SUBMISSIONS, 0), TopicPartition(SUBMISSIONS, 1)
Polled = dict[TopicPartition, list[FakeRecord]]
NONE: dict[TopicPartition, int] = {}


@dataclass
class FakeConsumer:
    """A broker that hands out what a script says: per poll partition -> number of records.

    ``ends`` are its answers when it is asked for the end; the last one stays.
    """

    polls: Iterator[dict[TopicPartition, int]]
    ends: list[dict[TopicPartition, int]] = field(default_factory=list)
    at: dict[TopicPartition, int] = field(default_factory=dict)
    paused: set[TopicPartition] = field(default_factory=set)
    polled: int = 0

    def assign(self, places: Sequence[TopicPartition]) -> None:
        self.at = dict.fromkeys(places, 0)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self.at[place] = offset

    def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        answer = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        return {place: answer[place] for place in places}

    def position(self, place: TopicPartition) -> int:
        return self.at[place]

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
    """Read partitions to their present end."""
    found = to_present_end(consumer, dict.fromkeys(places or (ONE,), 0))
    return [(record.partition, record.offset) for records in found for record in records]


def read_to(consumer: FakeConsumer, ends: dict[TopicPartition, int]) -> list[list[int]]:
    seek(consumer, dict.fromkeys(ends, 0))
    found = batches(consumer, ends, KnownEnd(consumer, ends))
    return [[record.offset for record in records] for records in found]


def test_only_what_lies_before_a_known_end_is_read() -> None:
    assert read_to(FakeConsumer(iter([{ONE: 2}, {}, {ONE: 3}])), {ONE: 4}) == [[0, 1], [2, 3]]


def test_every_partition_is_read_to_its_own_end() -> None:
    consumer = FakeConsumer(iter([{ONE: 2, TWO: 1}, {ONE: 1, TWO: 5}]))
    assert read_to(consumer, {ONE: 2, TWO: 4}) == [[0, 1], [0], [1, 2, 3]]
    assert consumer.polled == 2
    assert consumer.paused == {ONE, TWO}


def test_a_broker_that_owes_records_and_stays_silent_is_unavailable() -> None:
    consumer = FakeConsumer(iter([{ONE: 2}]))
    with pytest.raises(Unavailable, match="partition 0 ends before offset 9"):
        read_to(consumer, {ONE: 9})
    assert consumer.polled == 1 + SILENT_POLLS_MAX + 1


def test_a_broker_that_pauses_and_goes_on_is_not_silent() -> None:
    pause = [NONE] * (SILENT_POLLS_MAX - 1)
    consumer = FakeConsumer(iter([*pause, {ONE: 1}, *pause, {ONE: 1}]))
    assert read_to(consumer, {ONE: 2}) == [[0], [1]]


def test_a_log_at_rest_is_read_to_its_present_end() -> None:
    consumer = FakeConsumer(iter([{ONE: 2}, {ONE: 1}]), [{ONE: 3}])
    assert read(consumer) == [(0, 0), (0, 1), (0, 2)]
    assert consumer.polled == 2 + QUIET_POLLS + 1


def test_a_last_batch_behind_the_told_end_comes_after_a_pause() -> None:
    """The embedded broker tells 3 where there are 6."""
    silence = [NONE] * QUIET_POLLS
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
    with pytest.raises(Unavailable, match="partition 0 stops at 2, but reaches to 3"):
        read(consumer)
    assert consumer.polled == 1 + SILENT_POLLS_MAX + 1


def test_a_partition_that_looks_empty_is_read_when_something_comes() -> None:
    assert read(FakeConsumer(iter([{}, {ONE: 1}]), [{ONE: 0}])) == [(0, 0)]


def test_an_empty_partition_is_done_when_the_broker_was_quiet() -> None:
    consumer = FakeConsumer(iter([]), [{ONE: 0}])
    assert read(consumer) == []
    assert consumer.polled == QUIET_POLLS + 1


def test_a_single_record_is_found_where_it_lies_or_behind_a_gap() -> None:
    found = record_at(FakeConsumer(iter([{}, {ONE: 2}]), [{ONE: 9}]), 0, 5)
    assert found is not None
    assert found.offset == 5


def test_a_record_behind_the_end_is_absent() -> None:
    class Strict(FakeConsumer):
        def poll(self, timeout_ms: int) -> Polled:
            raise OffsetOutOfRangeError({ONE: self.position(ONE)})

    assert record_at(FakeConsumer(iter([]), [{ONE: 3}]), 0, 3) is None
    assert record_at(Strict(iter([]), [{ONE: 3}]), 0, 9) is None


def test_a_broker_that_hangs_is_not_taken_for_a_log_that_ends_before() -> None:
    with pytest.raises(Unavailable):
        record_at(FakeConsumer(iter([]), [{ONE: 9}]), 0, 5)
