from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from kieng.submissions.v1 import facts_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.wire.forms import amount, check_time, day, limits, number, reader, shown
from tests.simulation.spoilt_values import AMOUNTS, DAYS, SECONDS


@pytest.mark.parametrize("text", ["0001-01-01", "2024-02-29", "2025-03-10", "9999-12-31"])
def test_a_day_of_the_calendar_is_read_as_it_is_written(text: str) -> None:
    assert day("issued_on", text) == text


@pytest.mark.parametrize("text", [*DAYS, "", "2023-02-29"])
def test_what_resembles_a_day_is_parked_with_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidRecord, match="issued_on is not a date YYYY-MM-DD of the calendar"):
        day("issued_on", text)


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("7", 7), ("9" * 15, 10**15 - 1)])
def test_an_amount_is_a_number_of_at_most_15_digits(text: str, value: int) -> None:
    assert amount("amount_vnd", text) == value


@pytest.mark.parametrize("text", [*AMOUNTS, "", "7\n"])
def test_what_resembles_an_amount_is_parked_with_the_name_of_its_field(text: str) -> None:
    with pytest.raises(InvalidRecord, match="amount_vnd is not an amount"):
        amount("amount_vnd", text)


def test_a_number_lies_within_the_limits_of_the_contract() -> None:
    field = facts_pb2.Training.DESCRIPTOR.fields_by_name["hours"]
    assert limits(field) == (1, 10_000)
    read = reader(field)
    assert (read(1), read(10_000)) == (1, 10_000)
    for value in (-1, 0, 10_001):
        with pytest.raises(InvalidRecord, match=f"hours is not a number from 1 to 10000: {value}"):
            read(value)
    assert number("share_ppm", 0, 0, 5) == 0


@pytest.mark.parametrize("seconds", SECONDS)
def test_a_time_of_no_year_of_the_calendar_is_parked(seconds: int) -> None:
    with pytest.raises(InvalidRecord, match="changed_at is no time"):
        check_time("changed_at", Timestamp(seconds=seconds))


@pytest.mark.parametrize("nanos", [-1, 1_000_000_000])
def test_a_time_with_too_many_nanoseconds_is_parked(nanos: int) -> None:
    with pytest.raises(InvalidRecord, match="verified_at is no time"):
        check_time("verified_at", Timestamp(nanos=nanos))


@pytest.mark.parametrize("seconds", [-62_135_596_800, 0, 253_402_275_599])
def test_a_time_of_the_calendar_passes(seconds: int) -> None:
    check_time("changed_at", Timestamp(seconds=seconds, nanos=999_999_999))


def test_a_reason_shows_the_value_in_ascii_and_not_all_of_it() -> None:
    assert shown("\uff12\x00") == r"'\uff12\x00'"
    assert shown("7" * 50) == "'" + "7" * 40 + "'..."
