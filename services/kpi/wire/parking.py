"""Decodes the origin of a record that is parked, as far as possible."""

from __future__ import annotations

import re

from google.protobuf.message import DecodeError

from kieng.submissions.v1 import events_pb2
from services.kernel.kafka import Record, header
from services.kpi.domain.parking import Parked

VERSION = re.compile(r"[0-9]{1,18}")
CALENDAR_MS_MAX = 253_402_300_799_999


def parked_of(record: Record, reason: str) -> Parked:
    """Return a record that cannot be folded as a parked one, with reason and origin.

    The origin comes from its value, else from its headers, and is empty where neither is readable.
    The value is preferred because the fold reads it as well, so that a newer version of the same
    submission is recognised and replaces the record.

    Args:
        record: the record.
        reason: why it cannot be folded.
    """
    submission_id, version, work_key = _named(header(record, "ce_id"))
    institution_id = header(record, "ce_source").rpartition("/")[2]
    value = record.value or b""
    try:
        event = events_pb2.SubmissionChanged.FromString(value)
        institution_id = event.institution_id or institution_id
        if event.submission_id and event.work_key:
            submission_id, version = event.submission_id, event.version
            work_key = event.work_key
    except DecodeError:
        pass  # the value is not readable
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
    """Split an event id `<submission>:<version>:<work key>`; empty parts for other formats."""
    submission_id, _, rest = event_id.partition(":")
    version, _, work_key = rest.partition(":")
    if VERSION.fullmatch(version) is None:
        return "", 0, ""
    return submission_id, int(version), work_key


def within_calendar(milliseconds: int) -> int:
    """Return a time in ms since 1970, limited to the years 1970 to 9999.

    Producers may send any number.
    """
    return min(max(milliseconds, 0), CALENDAR_MS_MAX)
