from __future__ import annotations

import pytest

from services.kpi.domain.parking import WINDOW_RECORDS, Limits, Parked, ParkedRef, Parking
from services.kpi.wire.parking import parked_of
from tests.unit.kpi.builders import FakeRecord, article, changed, record


def parked(submission: str = "s", version: int = 1, work_key: str = "w") -> Parked:
    return Parked("no facts", "t", "alpha", submission, version, work_key, 0, b"")


def offsets_that_stop(parking: Parking, offsets: range) -> list[int]:
    return [offset for offset in offsets if parking.park(offset, parked())]


def test_a_thousand_in_a_row_are_parked_and_the_next_one_stops() -> None:
    assert offsets_that_stop(Parking(Limits()), range(1002)) == [1000, 1001]


def test_a_good_record_between_begins_a_new_row() -> None:
    parking = Parking(Limits(in_a_row=2))
    assert not any(parking.park(offset, parked()) for offset in (0, 1, 3, 4, 6))
    assert parking.park(7, parked()) == ""
    assert "2 records in a row" in parking.park(8, parked())


def test_a_young_log_is_not_stopped_by_its_share_of_bad_records() -> None:
    assert offsets_that_stop(Parking(Limits()), range(0, WINDOW_RECORDS - 1, 10)) == []


def test_over_one_percent_of_the_last_ten_thousand_stops() -> None:
    # Every hundredth of 20,000 records is the limit exactly; one more is too much.
    parking = Parking(Limits())
    assert offsets_that_stop(parking, range(0, 20_000, 100)) == []
    assert "over 100 of the last 10000" in parking.park(19_950, parked())


def test_what_left_the_window_does_not_count() -> None:
    parking = Parking(Limits(per_window=1))
    assert parking.park(0, parked()) == ""
    assert parking.park(WINDOW_RECORDS, parked()) == ""
    assert parking.park(WINDOW_RECORDS + 5, parked())


def test_a_newer_version_of_the_same_claim_mends() -> None:
    parked_refs = [ParkedRef(3, "s", "w", 2, is_open=True), ParkedRef(9, "s", "w", 4, is_open=True)]
    parking = Parking(Limits(), parked_refs)
    assert parking.mended("s", "w", 2) == []
    assert parking.mended("s", "other", 9) == []
    assert parking.mended("t", "w", 9) == []
    assert parking.mended("s", "w", 4) == [3]
    assert parking.mended("s", "w", 5) == [9]
    assert parking.mended("s", "w", 6) == []


def test_what_is_mended_or_names_nothing_is_never_mended_again() -> None:
    parked_refs = [ParkedRef(3, "s", "w", 2, is_open=False), ParkedRef(4, "", "", 0, is_open=True)]
    parking = Parking(Limits(), parked_refs)
    assert parking.mended("s", "w", 9) == []
    assert parking.mended("", "", 9) == []


def test_the_headers_name_a_record_whose_value_cannot_be_read() -> None:
    headers = [
        ("ce_id", b"0192-a:7:doi:10.1/x"),
        ("ce_source", b"kieng/submissions/vnu"),
        ("ce_type", b"kieng.submissions.v1.SubmissionChanged"),
    ]
    bad = FakeRecord(offset=4, timestamp=9, value=b"\xff", headers=headers)
    found = parked_of(bad, "not a message")
    assert (found.submission_id, found.version, found.work_key) == ("0192-a", 7, "doi:10.1/x")
    assert (found.institution_id, found.recorded_ms, found.value) == ("vnu", 9, b"\xff")


def test_the_value_names_a_record_without_headers() -> None:
    event = changed("s9", 3, "doi:10.1/y", article("absent"))
    event.institution_id = "hust"
    found = parked_of(record(0, event), "unknown unit")
    assert (found.institution_id, found.submission_id) == ("hust", "s9")
    assert (found.version, found.work_key, found.reason) == (3, "doi:10.1/y", "unknown unit")


def test_a_record_that_says_nothing_keeps_its_bytes() -> None:
    found = parked_of(record(0, b"\xff\xff"), "not a message")
    assert (found.submission_id, found.version, found.value) == ("", 0, b"\xff\xff")


@pytest.mark.parametrize(
    "event_id",
    [b"s:" + b"9" * 5000 + b":w", b"s:" + b"9" * 19 + b":w", "s:٩:w".encode(), b"s::w", b"\xff"],
)
def test_a_version_that_no_event_can_have_names_nothing(event_id: bytes) -> None:
    found = parked_of(FakeRecord(0, b"\xff", [("ce_id", event_id)]), "not a message")
    assert (found.submission_id, found.version, found.work_key) == ("", 0, "")


@pytest.mark.parametrize(("claimed", "kept"), [(-1, 0), (1 << 62, 253_402_300_799_999), (7, 7)])
def test_a_time_that_is_none_is_kept_as_the_nearest_that_is(claimed: int, kept: int) -> None:
    found = parked_of(FakeRecord(0, None, timestamp=claimed), "no value")
    assert (found.recorded_ms, found.value) == (kept, b"")
