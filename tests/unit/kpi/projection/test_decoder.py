"""What a record of the log is: an event, a mark, parked, mended or skipped."""

from __future__ import annotations

from typing import Any

import pytest

from kieng.submissions.v1 import events_pb2
from services.kpi.domain.parking import UNLIMITED, Limits, ParkedRef
from services.kpi.projection.decoder import Decoder, kind_of
from services.kpi.store.writes import Flush, PartitionLease
from services.kpi.wire.events import CHANGED
from tests.unit.kpi.builders import FakeRecord, article, changed, real_catalogue, record

CATALOGUE = real_catalogue()
LEASE = PartitionLease("g1-c1-f1", 0, 1, 0, 0, 0, frozenset())
MARK = events_pb2.LogRepublished(institution_id="alpha", generation=2)


def event(offset: int, work: str = "doi:10.1/a", version: int = 1) -> FakeRecord:
    return record(offset, changed("s1", version, work, article(), article()))


def decoded(decoder: Decoder, *records: Any) -> tuple[list[str], Flush]:
    flush = Flush(LEASE, len(records), 0, frozenset())
    return [found.work_key for found, _ in decoder.decode(records, flush)], flush


def test_an_event_is_returned_with_what_it_states() -> None:
    works, flush = decoded(Decoder(CATALOGUE, UNLIMITED), event(0), event(1, "doi:10.1/b"))
    assert works == ["doi:10.1/a", "doi:10.1/b"]
    assert flush.newest_event_ms == 1_751_328_000_000
    assert (flush.parked, flush.skipped) == ({}, {})


@pytest.mark.parametrize(("generation", "heard"), [(2, {"alpha"}), (3, set())])
def test_a_mark_counts_from_its_generation_on(generation: int, heard: set[str]) -> None:
    _, flush = decoded(Decoder(CATALOGUE, UNLIMITED, generation), record(0, MARK))
    assert flush.republished == heard


def test_what_cannot_be_decoded_is_parked_and_what_is_unknown_is_skipped() -> None:
    unknown = FakeRecord(1, b"", [("ce_type", b"a.v9.Later")])
    works, flush = decoded(
        Decoder(CATALOGUE, UNLIMITED),
        record(0, b"\xff\xff", CHANGED),
        unknown,
        FakeRecord(2, b"", []),
        event(3),
    )
    assert works == ["doi:10.1/a"]
    assert set(flush.parked) == {0, 2}
    assert flush.skipped == {"a.v9.Later": 1}
    assert [kind_of(each) for each in (unknown, FakeRecord(2, b"", []))] == ["a.v9.Later", ""]


def test_a_newer_version_mends_what_was_parked_before() -> None:
    refs = [ParkedRef(7, "alpha.s1", "doi:10.1/a", 2, is_open=True)]
    for version, mended in ((2, []), (3, [7])):
        _, flush = decoded(Decoder(CATALOGUE, UNLIMITED, 0, refs), event(9, version=version))
        assert flush.mended == mended


def test_too_many_parked_records_end_the_fold() -> None:
    decoder = Decoder(CATALOGUE, Limits(in_a_row=1))
    with pytest.raises(RuntimeError, match="over 1 records in a row cannot be folded"):
        decoded(decoder, *(record(offset, b"\xff\xff", CHANGED) for offset in range(2)))


def test_works_of_other_shards_are_neither_returned_nor_parked() -> None:
    decoder = Decoder(CATALOGUE, UNLIMITED, is_foreign=lambda work: work != "doi:10.1/a")
    lost = record(1, changed("s2", 0, "doi:10.1/b", article(), None))
    works, flush = decoded(decoder, event(0), lost, event(2, "doi:10.1/c"))
    assert works == ["doi:10.1/a"]
    assert flush.parked == {}
