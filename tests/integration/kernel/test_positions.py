"""Consumers whose positions are kept beside the state of whoever reads."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from kafka.errors import OffsetOutOfRangeError
from prometheus_client import REGISTRY

from services.kernel.config import KernelSettings
from services.kernel.errors import OwnershipLost
from services.kernel.kafka import Record
from tests.integration.kernel.reading import Notes, new_topic, produce, reader, running

SESSION_SECONDS = 40


def test_an_own_position_says_where_to_start_in_each_partition(settings: KernelSettings) -> None:
    topic = new_topic(settings.kafka_bootstrap, partitions=2)
    for partition in (0, 1):
        values = [f"{partition}.{n}" for n in range(5)]
        produce(settings.kafka_bootstrap, topic, *values, partition=partition)

    def prepare(notes: Notes) -> None:
        notes.position = lambda partition: 3 + partition

    for _ in (1, 2):  # the second time, Kafka has a committed offset, which must not count
        with running(reader(topic, positions="notes"), settings, prepare) as run:
            run.notes.wait_for("0.3", "0.4", "1.4")
        assert sorted(run.notes.values) == ["0.3", "0.4", "1.4"]
        assert sorted(run.notes.claimed) == [0, 1]


def test_lost_ownership_claims_again_and_repeats_the_batch(settings: KernelSettings) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, "a", "b")
    losses = [OwnershipLost("another process took it")]

    def lose(records: list[Record]) -> None:
        if losses:
            raise losses.pop()

    prepare = lambda notes: setattr(notes, "answer", lose)  # noqa: E731
    with running(reader(topic, positions="notes"), settings, prepare) as run:
        run.notes.wait_for("a", "b")
    assert run.notes.values == ["a", "b"]
    assert run.notes.claimed == [0, 0]
    assert run.container.failure is None


def test_what_was_not_kept_is_heard_of_when_there_is_nothing_more_to_hand_over(
    settings: KernelSettings,
) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, "a", "b")
    losses = [OwnershipLost("another process took it")]

    def prepare(notes: Notes) -> None:
        def keep() -> None:
            if notes.handed and losses:
                raise losses.pop()

        notes.kept = keep

    with running(reader(topic, positions="notes"), settings, prepare) as run:
        run.notes.wait(lambda: run.notes.values == ["a", "b"] * 2)
    assert run.notes.claimed == [0, 0]


def test_a_process_that_stops_keeps_what_it_was_handed(settings: KernelSettings) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    kept: list[int] = []

    def prepare(notes: Notes) -> None:
        notes.kept = lambda: kept.append(len(notes.handed))

    with running(reader(topic, positions="notes"), settings, prepare) as run:
        # Stopped while it is handed something, it has no quiet moment any more.
        run.notes.answer = lambda records: run.consume.stopping.set()
        produce(settings.kafka_bootstrap, topic, "a")
        run.notes.wait_for("a")
    assert kept[-1] == 1


def progress_of(topic: str) -> tuple[float, float | None]:
    """Records handled and next offset of partition 0, as the metrics say."""
    labels = {"topic": topic, "group": f"group.{topic}"}
    handled = REGISTRY.get_sample_value("kieng_consumer_records_handled_total", labels)
    at = REGISTRY.get_sample_value("kieng_consumer_next_offset", {**labels, "partition": "0"})
    return handled or 0.0, at


def test_only_what_is_stored_counts_as_handled_and_is_committed(settings: KernelSettings) -> None:
    """A view that stood still for ever looked as if it progressed."""
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, *"abcdef")
    quiet = threading.Event()
    stored = [0]

    def prepare(notes: Notes) -> None:
        notes.records_wanted = 2
        notes.stored = lambda: stored[0]
        notes.kept = quiet.set

    def next_quiet_moment() -> None:
        for _ in range(2):  # the first one may have begun before
            quiet.clear()
            assert quiet.wait(30)

    with running(reader(topic, positions="notes"), settings, prepare) as run:
        run.notes.wait_for(*"abcdef")
        next_quiet_moment()
        assert progress_of(topic) == (0, None)
        stored[0] = 5  # in the middle of a batch, of which nothing counts yet
        next_quiet_moment()
        assert progress_of(topic) == (4, 4)
        stored[0] = 6
        next_quiet_moment()
        assert progress_of(topic) == (6, 6)
    assert [offset for offset, _ in run.notes.handed] == [0, 1, 2, 3, 4, 5]


def test_a_batch_is_as_small_as_it_is_wanted(settings: KernelSettings) -> None:
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, *"abcdef")
    sizes: list[int] = []

    def prepare(notes: Notes) -> None:
        notes.records_wanted = 1

        def answer(records: list[Record]) -> None:
            sizes.append(len(records))
            notes.records_wanted = 3

        notes.answer = answer

    with running(reader(topic, positions="notes"), settings, prepare) as run:
        run.notes.wait_for(*"abcdef")
    assert sizes == [1, 3, 2]


def test_a_claimed_position_outside_the_log_never_jumps(
    settings: KernelSettings, membership: str
) -> None:
    if membership == "sole":
        pytest.skip("the embedded broker does not tell; the owner compares the topic's identity")
    topic = new_topic(settings.kafka_bootstrap)
    produce(settings.kafka_bootstrap, topic, "a")
    prepare = lambda notes: setattr(notes, "position", lambda partition: 500)  # noqa: E731
    with running(reader(topic, positions="notes"), settings, prepare) as run:
        assert run.container.finished.wait(30)
    assert isinstance(run.container.failure, OffsetOutOfRangeError)
    assert run.notes.handed == []


class LongSession(KernelSettings):
    """A member that ends without leaving its group keeps its partitions that long."""

    def consumer_options(self, group: str, has_positions: bool) -> dict[str, Any]:
        options = super().consumer_options(group, has_positions)
        return {**options, "session_timeout_ms": SESSION_SECONDS * 1000}


def test_two_members_share_the_partitions_and_the_one_left_takes_over(
    settings: KernelSettings, membership: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if membership == "sole":
        pytest.skip("the embedded broker cannot hand a group over (ADR 0005)")
    settings = LongSession(**settings.model_dump())
    topic = new_topic(settings.kafka_bootstrap, partitions=2)
    service = reader(topic, positions="notes")
    progress: dict[int, int] = {0: 0, 1: 0}

    def prepare(notes: Notes) -> None:
        def advance(records: list[Record]) -> None:
            for record in records:
                assert record.offset == progress[record.partition]
                progress[record.partition] = record.offset + 1

        notes.answer = advance
        notes.position = progress.__getitem__

    with running(service, settings, prepare) as first:
        first.notes.wait(lambda: sorted(first.notes.claimed) == [0, 1])
        with running(service, settings, prepare) as second:
            second.notes.wait(lambda: len(second.notes.claimed) == 1)
            for partition in (0, 1):
                produce(settings.kafka_bootstrap, topic, "a", "b", partition=partition)
            second.notes.wait_for("a", "b")
            first.notes.wait_for("a", "b")
            began = time.monotonic()
        first.notes.wait(lambda: len(first.notes.claimed) == 3)
        seconds = time.monotonic() - began
        for partition in (0, 1):
            produce(settings.kafka_bootstrap, topic, "c", partition=partition)
        first.notes.wait(lambda: first.notes.values.count("c") == 2)
    assert (first.container.failure, second.container.failure) == (None, None)
    assert progress == {0: 3, 1: 3}
    # It was not waited for: a stopping consumer leaves its group.
    assert seconds < SESSION_SECONDS / 4
    with capsys.disabled():
        print(f"\nmeasured: taken over {seconds:.1f} s after the stop of the other member began")
