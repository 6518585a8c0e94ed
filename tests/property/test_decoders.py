"""Whatever bytes stand in a topic, a decoder makes an event of them or says that it cannot."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kieng.directory.v1 import events_pb2 as directory_events
from kieng.submissions.v1 import events_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.domain.work import Statement
from services.kpi.service import DIRECTORY_PUBLISHED, KpiAggregator
from services.kpi.wire.events import decode_changed, decode_republished, decode_statement
from services.notifications.domain import Decided, Reached
from services.notifications.wire import SUBMISSION_CHANGED, TARGET_REACHED, decode_record
from tests.unit.kpi.builders import article, real_catalogue
from tests.unit.kpi.builders import changed as changed_in_kpi
from tests.unit.kpi.builders import record as record_of_kpi
from tests.unit.notifications.records import FakeRecord, changed, reached

EXAMPLES = settings(
    max_examples=400 if "DEEP" in os.environ else 150,
    derandomize=True,
    deadline=None,
    database=None,
)
OFFSET = 7
CATALOGUE = real_catalogue()


def damaged(whole: bytes) -> st.SearchStrategy[bytes]:
    """Bytes of a message with a stretch of it replaced: near enough to be half understood."""

    def replace(at: int, length: int, by: bytes) -> bytes:
        return whole[:at] + by + whole[at + length :]

    places = st.integers(0, len(whole))
    return st.builds(replace, places, st.integers(0, 8), st.binary(max_size=8))


def refused_at(decode: Callable[[], Any]) -> int | None:
    """Decode, and return the offset of the record that cannot be, if any."""
    try:
        decode()
    except InvalidRecord as invalid:
        return invalid.offset
    return OFFSET


def bytes_near(*messages: Any) -> st.SearchStrategy[bytes]:
    return st.one_of(st.binary(max_size=300), *(damaged(m.SerializeToString()) for m in messages))


KPI = changed_in_kpi(declared=article("alpha/sci"))
DIRECTORY = directory_events.DirectoryPublished()
DIRECTORY.directory.version = 3
DIRECTORY.directory.units.add(unit_id="alpha", parent_id="consortium")


@EXAMPLES
@given(bytes_near(KPI))
def test_any_bytes_are_an_event_or_an_invalid_record(value: bytes) -> None:
    try:
        event = decode_changed(value)
        assert isinstance(decode_statement(event, CATALOGUE, b""), Statement)
    except InvalidRecord:
        return


@EXAMPLES
@given(bytes_near(events_pb2.LogRepublished(institution_id="alpha", generation=2)))
def test_any_bytes_are_a_mark_of_a_filled_log_or_an_invalid_record(value: bytes) -> None:
    try:
        assert len(decode_republished(value, 2, "kieng/submissions/alpha")) <= 1
    except InvalidRecord:
        return


@EXAMPLES
@given(bytes_near(changed(), reached()), st.sampled_from([SUBMISSION_CHANGED, TARGET_REACHED]))
def test_any_bytes_are_told_to_somebody_to_nobody_or_are_an_invalid_record(
    value: bytes, kind: str
) -> None:
    def decode() -> None:
        record = FakeRecord(value, [("ce_type", kind.encode())], OFFSET)
        assert isinstance(decode_record(record), Decided | Reached | None)

    assert refused_at(decode) == OFFSET


class Kept:
    """Takes directories, as the store of catalogues does."""

    def keep_directory(self, directory: Any) -> None:
        assert isinstance(directory.version, int)


@EXAMPLES
@given(bytes_near(DIRECTORY))
def test_any_bytes_are_a_directory_or_an_invalid_record(value: bytes) -> None:
    aggregator = KpiAggregator()
    aggregator.catalogues = Kept()  # type: ignore[assignment]
    record = record_of_kpi(OFFSET, value, DIRECTORY_PUBLISHED)
    assert refused_at(lambda: aggregator.on_directory([record])) == OFFSET


@pytest.mark.parametrize("message", [KPI, changed(), reached(), DIRECTORY])
def test_what_is_damaged_here_was_whole(message: Any) -> None:
    assert message.SerializeToString()
    if isinstance(message, events_pb2.SubmissionChanged):
        assert decode_changed(message.SerializeToString()) == message
