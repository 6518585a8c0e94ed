from typing import Any

import pytest

from kieng.submissions.v1 import events_pb2
from services.kernel.errors import WrongState
from services.kpi.offline.verification import verify
from services.kpi.replay.memory_projection import MemoryProjection, ReplayBound
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import FakeRecord, article, changed, real_catalogue, record

CATALOGUE = real_catalogue()


def folded(records: list[Any], bound: ReplayBound) -> MemoryProjection:
    projection = MemoryProjection(CATALOGUE, bound)
    for begin in range(0, len(records), 40):
        projection.take(records[begin : begin + 40])
    return projection


def timed(offset: int, at_ms: int, work: str = "doi:10.1/a") -> FakeRecord:
    made = record(offset, changed(f"s{offset}", 1, work, article(), article()))
    made.timestamp = at_ms
    return made


@pytest.mark.parametrize("offset", [0, 1, 39, 40, 41, 120, 250])
def test_a_replay_to_an_offset_is_the_fold_of_what_stands_before_it(offset: int) -> None:
    records = log(250)
    projection = folded(records, ReplayBound({0: offset}))
    known = verify(records[:offset], CATALOGUE)
    assert projection.cube().digest() == known["digest"]
    assert projection.progress().next_offsets == {0: offset}
    assert projection.progress().parked == known["parked"]
    assert projection.read == offset


def test_partitions_are_folded_each_on_its_own() -> None:
    projection = MemoryProjection(CATALOGUE, ReplayBound({0: 2, 1: 0, 2: 1}))
    projection.take([timed(0, 1), timed(1, 2)])
    other = timed(0, 1)
    other.partition = 2
    projection.take([other])
    assert projection.progress().next_offsets == {0: 2, 1: 0, 2: 1}


def test_what_stands_behind_the_first_late_record_is_left_out() -> None:
    times = {"doi:10.1/a": 100, "doi:10.1/b": 200, "doi:10.1/c": 150}
    records = [timed(i, at, work) for i, (work, at) in enumerate(times.items())]
    projection = folded(records, ReplayBound({0: 3}, before_ms=200))
    assert projection.progress().next_offsets == {0: 1}
    assert [key for key, _ in projection.works()] == ["doi:10.1/a"]
    everything = folded(records, ReplayBound({0: 3}, before_ms=201))
    assert [key for key, _ in everything.works()] == list(times)


def test_a_log_that_was_filled_after_the_moment_does_not_know_it() -> None:
    mark = record(1, events_pb2.LogRepublished(institution_id="alpha"))
    mark.timestamp = 300
    records = [timed(0, 299), mark, timed(2, 400)]
    with pytest.raises(WrongState) as refused:
        folded(records, ReplayBound({0: 3}, before_ms=300, generation=2))
    assert refused.value.reason == "LOG_GONE"
    assert folded(
        records, ReplayBound({0: 3}, before_ms=301, generation=2)
    ).progress().next_offsets == {0: 2}
    assert folded(records, ReplayBound({0: 3}, before_ms=300)).progress().next_offsets == {0: 1}
