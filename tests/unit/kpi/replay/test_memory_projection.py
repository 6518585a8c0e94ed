from typing import Any

import pytest

from kieng.submissions.v1 import events_pb2
from services.kernel.errors import WrongState
from services.kpi.offline.verification import verify
from services.kpi.replay.memory_projection import Cut, Scratch
from tests.integration.kpi.logs import log
from tests.unit.kpi.builders import FakeRecord, article, changed, real_catalogue, record

CATALOGUE = real_catalogue()


def folded(records: list[Any], cut: Cut) -> Scratch:
    scratch = Scratch(CATALOGUE, cut)
    for begin in range(0, len(records), 40):
        scratch.take(records[begin : begin + 40])
    return scratch


def timed(offset: int, at_ms: int, work: str = "doi:10.1/a") -> FakeRecord:
    made = record(offset, changed(f"s{offset}", 1, work, article(), article()))
    made.timestamp = at_ms
    return made


@pytest.mark.parametrize("offset", [0, 1, 39, 40, 41, 120, 250])
def test_a_replay_to_an_offset_is_the_fold_of_what_stands_before_it(offset: int) -> None:
    records = log(250)
    scratch = folded(records, Cut({0: offset}))
    known = verify(records[:offset], CATALOGUE)
    assert scratch.image().digest() == known["digest"]
    assert scratch.progress().next_offsets == {0: offset}
    assert scratch.progress().parked == known["parked"]
    assert scratch.read == offset


def test_partitions_are_folded_each_on_its_own() -> None:
    scratch = Scratch(CATALOGUE, Cut({0: 2, 1: 0, 2: 1}))
    scratch.take([timed(0, 1), timed(1, 2)])
    other = timed(0, 1)
    other.partition = 2
    scratch.take([other])
    assert scratch.progress().next_offsets == {0: 2, 1: 0, 2: 1}


def test_what_stands_behind_the_first_late_record_is_left_out() -> None:
    times = {"doi:10.1/a": 100, "doi:10.1/b": 200, "doi:10.1/c": 150}
    records = [timed(i, at, work) for i, (work, at) in enumerate(times.items())]
    scratch = folded(records, Cut({0: 3}, before_ms=200))
    assert scratch.progress().next_offsets == {0: 1}
    assert [key for key, _ in scratch.works()] == ["doi:10.1/a"]
    everything = folded(records, Cut({0: 3}, before_ms=201))
    assert [key for key, _ in everything.works()] == list(times)


def test_a_log_that_was_filled_after_the_moment_does_not_know_it() -> None:
    mark = record(1, events_pb2.LogRepublished(institution_id="alpha"))
    mark.timestamp = 300
    records = [timed(0, 299), mark, timed(2, 400)]
    with pytest.raises(WrongState) as refused:
        folded(records, Cut({0: 3}, before_ms=300, generation=2))
    assert refused.value.reason == "LOG_GONE"
    assert folded(records, Cut({0: 3}, before_ms=301, generation=2)).progress().next_offsets == {
        0: 2
    }
    assert folded(records, Cut({0: 3}, before_ms=300)).progress().next_offsets == {0: 1}
