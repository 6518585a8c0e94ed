"""A record that cannot be folded -> what is kept of it."""

from __future__ import annotations

import re

from google.protobuf.message import DecodeError

from kieng.submissions.v1 import events_pb2
from services.kernel.kafka import Record, header
from services.kpi.domain.parking import Parked

VERSION = re.compile(r"[0-9]{1,18}")
CALENDAR_MS_MAX = 253_402_300_799_999


def parked_of(record: Record, reason: str) -> Parked:
    """Return whose a record is: by its value where that tells, else by its headers.

    By its value first, as the fold goes by it: a newer version of the same work mends the record.
    """
    submission_id, version, work_key = _named(header(record, "ce_id"))
    institution_id = header(record, "ce_source").rpartition("/")[2]
    value = record.value or b""
    try:
        event = events_pb2.SubmissionChanged.FromString(value)
        institution_id = institution_id or event.institution_id
        if event.submission_id and event.work_key:
            submission_id, version = event.submission_id, event.version
            work_key = event.work_key
    except DecodeError:
        pass  # the value does not say
    return Parked(
        reason=reason,
        type=header(record, "ce_type"),
        institution_id=institution_id,
        submission_id=submission_id,
        version=version,
        work_key=work_key,
        recorded_ms=within_calendar(record.timestamp),
        value=value,
    )


def _named(event_id: str) -> tuple[str, int, str]:
    """Split the id of an event, `<submission>:<version>:<work key>`; empty when it is another."""
    submission_id, _, rest = event_id.partition(":")
    version, _, work_key = rest.partition(":")
    if VERSION.fullmatch(version) is None:
        return "", 0, ""
    return submission_id, int(version), work_key


def within_calendar(milliseconds: int) -> int:
    """Return the nearest time from 1970 to 9999: what a producer claims may be no time at all."""
    return min(max(milliseconds, 0), CALENDAR_MS_MAX)
