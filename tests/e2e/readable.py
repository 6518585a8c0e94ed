"""Which records of the submissions log can be counted: a second opinion, told from the contract.

It shares no line with the code that parks records in the product; the two have to agree on how many
records wait to be mended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError, Message

from kieng.submissions.v1 import events_pb2

CHANGED = "kieng.submissions.v1.SubmissionChanged"
REPUBLISHED = "kieng.submissions.v1.LogRepublished"
AMOUNT_DIGITS_MAX = 15


class Written(NamedTuple):
    """One record of the log; ``kind`` and ``identity`` are its headers `ce_type` and `ce_id`."""

    partition: int
    offset: int
    kind: str
    identity: str
    value: bytes


class Log(NamedTuple):
    """A log that was looked through: what can be counted, and how many records wait."""

    countable: list[bytes]
    waiting: int


def look_through(records: Iterable[Written], units: Collection[str]) -> Log:
    """Sort the records out; a newer version of the same claim ends the wait of an older record."""
    countable, unnamed = [], 0
    waiting: dict[tuple[int, str, str], list[int]] = {}
    for record in sorted(records):
        if record.kind not in (CHANGED, REPUBLISHED):
            continue
        event = readable(record, units)
        if event is None:
            named = _name(record)
            if named is None:
                unnamed += 1
            else:
                submission_id, version, work_key = named
                place = record.partition, submission_id, work_key
                waiting.setdefault(place, []).append(version)
        elif isinstance(event, events_pb2.SubmissionChanged):
            countable.append(record.value)
            place = record.partition, event.submission_id, event.work_key
            waiting[place] = [v for v in waiting.get(place, ()) if v >= event.version]
    return Log(countable, unnamed + sum(map(len, waiting.values())))


def readable(record: Written, units: Collection[str]) -> Any:
    """Return the event of a record, or None when nobody can count it."""
    of: dict[str, type[Message]] = {
        CHANGED: events_pb2.SubmissionChanged,
        REPUBLISHED: events_pb2.LogRepublished,
    }
    try:
        event: Any = of[record.kind].FromString(record.value)
    except DecodeError:
        return None
    if record.kind == REPUBLISHED:
        return event if event.institution_id else None
    if not event.work_key or not event.submission_id or event.version < 1:
        return None
    claims = [getattr(event, name) for name in ("declared", "verified") if event.HasField(name)]
    return event if all(c.unit_id in units and _has_good_facts(c.facts) for c in claims) else None


def _has_good_facts(facts: Any) -> bool:
    kind = facts.WhichOneof("kind")
    if kind is None:
        return False
    return all(_is_good(*each) for each in getattr(facts, kind).ListFields())


def _is_good(field: Any, value: Any) -> bool:
    if field.enum_type is not None:
        known = field.enum_type.values_by_number
        return all(each in known for each in (value if field.is_repeated else [value]))
    if field.name.endswith("_vnd"):
        return value.isascii() and value.isdigit() and len(value) <= AMOUNT_DIGITS_MAX
    if field.name.endswith("_on"):
        try:
            date.fromisoformat(value)
        except ValueError:
            return False
    return True


def _name(record: Written) -> tuple[str, int, str] | None:
    """Return submission, version and work: of the value where it tells, else of the header."""
    try:
        event = events_pb2.SubmissionChanged.FromString(record.value)
        if event.submission_id and event.work_key:
            return event.submission_id, event.version, event.work_key
    except DecodeError:
        pass
    submission_id, _, rest = record.identity.partition(":")
    version, _, work_key = rest.partition(":")
    return (submission_id, int(version), work_key) if version.isdecimal() else None
