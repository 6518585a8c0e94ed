"""What the fold, the rebuild and the republication rely on of the log, simulated and real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from kafka.errors import OffsetOutOfRangeError

from services.kernel.errors import Unavailable
from services.kpi.log import reader
from services.kpi.log.identity import event_hash
from services.kpi.log.topic import SUBMISSIONS
from tests.conftest import RunningBroker
from tests.contract.logs import PARTITIONS, BrokersLog, Headers, LogUnderTest, SimulatedLog

HEADERS: Headers = [("ce_type", b"t"), ("ce_id", "é".encode()), ("twice", b"1"), ("twice", b"")]


@pytest.fixture(params=["simulated", "real"])
def log(request: pytest.FixtureRequest) -> Iterator[LogUnderTest]:
    """A log without a record."""
    if request.param == "simulated":
        yield SimulatedLog()
        return
    start: Callable[[int], RunningBroker] = request.getfixturevalue("start_broker")
    is_kafka = request.config.getoption("--broker") == "kafka"

    def another() -> str:
        return start(PARTITIONS).bootstrap

    yield BrokersLog(another(), None if is_kafka else another)


def fill(log: LogUnderTest, partition: int, *values: bytes) -> None:
    for value in values:
        log.put(partition, b"key", value, HEADERS)


def test_records_keep_their_order_and_everything_that_was_written(log: LogUnderTest) -> None:
    fill(log, 1, *(b"%d" % number for number in range(12)))
    fill(log, 0, b"other")
    records = log.read(1, 0, 12)
    assert [record.value for record in records] == [b"%d" % number for number in range(12)]
    assert [record.offset for record in records] == list(range(12))
    for record in records:
        assert (record.topic, record.partition, record.key) == (SUBMISSIONS, 1, b"key")
        assert list(record.headers) == HEADERS
    times = [record.timestamp for record in records]
    assert times == sorted(times)
    assert 0 <= times[0] <= time.time() * 1000
    assert [record.value for record in log.read(0, 0, 1)] == [b"other"]


def test_a_record_may_lack_key_value_and_headers(log: LogUnderTest) -> None:
    written = [(b"", b""), (None, b"v"), (b"k", None)]
    for key, value in written:
        log.put(0, key, value, [])
    records = log.read(0, 0, len(written))
    assert [(record.key, record.value) for record in records] == written
    assert all(list(record.headers) == [] for record in records)


def test_partitions_begin_at_0_and_end_behind_their_last_record(log: LogUnderTest) -> None:
    assert log.numbers() == {0, 1, 2}
    assert log.describe().partitions == PARTITIONS
    assert log.ends() == {}
    fill(log, 0, b"a", b"b")
    fill(log, 2, b"c")
    assert log.beginnings() == {0: 0, 1: 0, 2: 0}
    assert log.ends() == {0: 2, 2: 1}


def test_a_part_is_read_from_one_offset_up_to_another(log: LogUnderTest) -> None:
    fill(log, 0, *(b"%d" % number for number in range(8)))
    assert [record.value for record in log.read(0, 3, 6)] == [b"3", b"4", b"5"]
    assert log.read(0, 6, 6) == []
    assert log.read(0, 7, 3) == []


def test_a_part_that_is_not_there_is_not_waited_for_for_ever(
    log: LogUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "SILENT_POLLS_MAX", 5)
    fill(log, 0, b"a")
    for begin, end in ((0, 2), (1, 2), (5, 6)):
        with pytest.raises(Unavailable):
            log.read(0, begin, end)


def test_a_consumer_goes_on_where_it_is_put_and_gets_nothing_at_the_end(
    log: LogUnderTest,
) -> None:
    fill(log, 0, b"a", b"b", b"c")
    assert [record.value for record in log.poll(0, 1)] == [b"b", b"c"]
    assert log.poll(0, 3) == []


def test_a_consumer_behind_the_end_is_refused_or_gets_nothing(log: LogUnderTest) -> None:
    fill(log, 0, b"a", b"b", b"c")
    if log.refuses_positions_behind_its_end:
        with pytest.raises(OffsetOutOfRangeError):
            log.poll(0, 4)
    else:
        assert log.poll(0, 4) == []


def test_what_was_folded_is_recognised_by_position_and_hash(log: LogUnderTest) -> None:
    fill(log, 0, b"a", b"b", b"c")
    records = log.read(0, 0, 3)
    hashes = [event_hash(record) for record in records]
    assert len(set(hashes)) == len(hashes)
    assert log.divergence(0, 0, "") == ""
    for record, known in zip(records, hashes, strict=True):
        assert log.divergence(0, record.offset + 1, known) == ""
    # A view of an earlier release knows no hash; its position is still checked.
    assert log.divergence(0, 2, "") == ""
    assert log.divergence(0, 2, hashes[2]) != ""
    assert log.divergence(0, 4, hashes[2]) != ""
    assert log.divergence(0, 9, "") != ""
    assert log.divergence(1, 1, "") != ""


def test_a_topic_made_anew_has_another_id_and_no_record(log: LogUnderTest) -> None:
    fill(log, 0, b"a", b"b")
    before, known = log.describe(), event_hash(log.read(0, 0, 1)[0])
    assert log.describe() == before
    log.make_anew()
    after = log.describe()
    assert after.topic_id != before.topic_id
    assert replace(after, topic_id=before.topic_id) == before
    assert log.ends() == {}
    assert log.divergence(0, 1, known) != ""
    fill(log, 0, b"other")
    assert [(record.offset, record.value) for record in log.read(0, 0, 1)] == [(0, b"other")]
    assert log.divergence(0, 1, known) != ""


def test_a_topic_that_keeps_everything_is_safe(log: LogUnderTest) -> None:
    found = log.describe()
    assert found.unsafe == ""
    assert found.topic_id
