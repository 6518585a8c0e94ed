"""Random histories of submissions, and a log that repeats and reorders what relays publish."""

from __future__ import annotations

import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from google.protobuf.message import DecodeError
from kafka.errors import OffsetOutOfRangeError

from kieng.directory.v1 import directory_pb2
from kieng.submissions.v1 import events_pb2
from kieng.submissions.v1.events_pb2 import SubmissionChanged
from services.kpi.log.file import FileRecord
from services.kpi.log.topic import SUBMISSIONS
from services.kpi.oracle.judgement import Judge
from services.kpi.wire import events
from tests.simulation.claims import claim

UNITS = {
    "consortium": "",
    "a": "consortium",
    "b": "consortium",
    "c": "consortium",
    "a/x": "a",
    "a/y": "a",
    "a/x/g": "a/x",
    "a/x/h": "a/x",
    "b/x": "b",
    "b/x/g": "b/x",
}


Headers = list[tuple[str, bytes]]


class Record(NamedTuple):
    """A record of the simulated log; carries what the fold reads of a Kafka record."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def units(parents: Mapping[str, str] = MappingProxyType(UNITS)) -> list[directory_pb2.Unit]:
    """Return a small tree with four levels, or that of other parents."""
    kinds = {0: directory_pb2.UNIT_KIND_INSTITUTION, 1: directory_pb2.UNIT_KIND_SCHOOL}
    found = []
    for unit_id, parent in parents.items():
        kind = kinds.get(unit_id.count("/"), directory_pb2.UNIT_KIND_GROUP)
        if not parent:
            kind = directory_pb2.UNIT_KIND_CONSORTIUM
        found.append(directory_pb2.Unit(unit_id=unit_id, parent_id=parent, kind=kind))
    return found


@dataclass
class Log:
    """Partitions of records, in the order they were appended."""

    partitions: int
    topic_id: str = "log-1"
    records: list[list[Record]] = field(default_factory=list)
    topics: dict[str, list[list[Record]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.records = self.topics[self.topic_id] = [[] for _ in range(self.partitions)]

    def lose(self) -> None:
        """Make the topic anew, without a record."""
        self.topic_id = f"log-{len(self.topics) + 1}"
        self._begin()

    def append(self, key: str, value: bytes, headers: Headers) -> None:
        """Write one record to the partition of its key."""
        partition = zlib.crc32(key.encode()) % self.partitions
        self.put(partition, key.encode(), value, headers)

    def put(self, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write one record to a partition; its time is not a clock's, but never goes back."""
        rows = self.records[partition]
        offset = len(rows)
        rows.append(Record(SUBMISSIONS, partition, offset, offset, key, value, list(headers)))

    def poll(self, partition: int, position: int, count: int) -> list[Record]:
        """Return the next records at a position, nothing at the end.

        Raises:
            kafka.errors.OffsetOutOfRangeError: the log ends before.
        """
        rows = self.records[partition]
        if position > len(rows):
            raise OffsetOutOfRangeError(f"partition {partition} ends before {position}")
        return rows[position : position + count]

    def numbers(self) -> set[int]:
        """Return the partitions."""
        return set(range(self.partitions))

    def repeat(self, rng: random.Random) -> None:
        """Write a record once more that is there already, or was in a topic before this one."""
        rows = rng.choice(rng.choice(list(self.topics.values())))
        if rows:
            old = rng.choice(rows)
            self.put(old.partition, old.key, old.value, old.headers)

    def ends(self) -> dict[int, int]:
        """Return the offset behind the last record of each partition."""
        return {partition: len(rows) for partition, rows in enumerate(self.records)}

    def changes(
        self,
        judge: Judge,
        until: Mapping[int, int] | None = None,
        topic_id: str = "",
    ) -> list[SubmissionChanged]:
        """Return the events that can be folded with a catalogue.

        Args:
            judge: judges by the catalogue.
            until: partition -> offset to stop at; everything without it.
            topic_id: topic; the present one without it.
        """
        found = (
            readable(record, judge)
            for partition, rows in enumerate(self.topics[topic_id or self.topic_id])
            for record in rows[: None if until is None else until.get(partition, 0)]
        )
        return [event for event in found if event is not None]

    def parked(self, judge: Judge) -> int:
        """Return how many records cannot be folded and were not replaced by a newer version."""
        total = 0
        for rows in self.records:
            open_: dict[tuple[str, str], list[int]] = {}
            unnamed = 0
            for record in rows:
                if dict(record.headers)["ce_type"] != events.CHANGED.encode():
                    continue
                event = readable(record, judge)
                if event is not None:
                    name = whole_name(event.institution_id, event.submission_id), event.work_key
                    open_[name] = [v for v in open_.get(name, []) if v >= event.version]
                    continue
                submission_id, work_key, institution, version = named(record)
                if not submission_id:
                    unnamed += 1
                    continue
                name = whole_name(institution, submission_id), work_key
                open_.setdefault(name, []).append(version)
            total += unnamed + sum(map(len, open_.values()))
        return total


def source(institution: str) -> tuple[str, bytes]:
    """Return the header that names who speaks."""
    return "ce_source", f"kieng/submissions/{institution}".encode()


def whole_name(institution: str, submission_id: str) -> str:
    """Return a name of a submission that no other institution's has."""
    is_whole = submission_id.rpartition(".")[0] == institution
    return submission_id if is_whole else f"{institution}.{submission_id}"


def named(record: Record) -> tuple[str, str, str, int]:
    """Return submission, work, institution and version of a record that cannot be folded."""
    headers = dict(record.headers)
    institution = headers.get("ce_source", b"").decode().rpartition("/")[2]
    try:
        event = SubmissionChanged.FromString(record.value or b"")
        institution = event.institution_id or institution
        if event.submission_id and event.work_key:
            return event.submission_id, event.work_key, institution, event.version
    except DecodeError:
        pass
    identity = headers.get("ce_id", b"::").decode()
    submission_id, version, work_key = identity.split(":", 2)
    return submission_id, work_key, institution, int(version or 0)


def readable(record: Record | FileRecord, judge: Judge) -> SubmissionChanged | None:
    """Read an event without the code that is tested; None for what cannot be folded."""
    if dict(record.headers)["ce_type"] != events.CHANGED.encode():
        return None
    event = judge.event(record.value or b"")
    is_said = event is not None and source(event.institution_id) in record.headers
    return event if is_said else None


@dataclass
class Author:
    """One submission: its version, and what it claims now and had verified last."""

    submission_id: str
    unit_id: str
    reported_on: str = ""
    version: int = 0
    declared: tuple[str, events_pb2.Claim] | None = None
    verified: tuple[str, events_pb2.Claim] | None = None

    def change(self, rng: random.Random, keys: int) -> list[SubmissionChanged]:
        """Do one random thing and return the events of the new version: full state, per work."""
        before = {claimed[0] for claimed in (self.declared, self.verified) if claimed}
        choice = rng.random()
        if self.declared is None or choice < 0.45:
            self.declared = claim(rng, self.unit_id, keys)
        elif choice < 0.8:
            self.verified = self.declared
        elif choice < 0.9:
            self.declared = None
        else:
            self.declared = self.verified = None
        self.version += 1
        after = {claimed[0] for claimed in (self.declared, self.verified) if claimed}
        return [self._event(key) for key in sorted(before | after)]

    def _event(self, key: str) -> SubmissionChanged:
        event = SubmissionChanged(
            submission_id=self.submission_id,
            version=self.version,
            institution_id=self.unit_id.partition("/")[0],
            work_key=key,
            reported_on=self.reported_on,
        )
        event.changed_at.FromSeconds(1_740_000_000 + self.version * 40_000)
        if self.declared and self.declared[0] == key:
            event.declared.CopyFrom(self.declared[1])
        if self.verified and self.verified[0] == key:
            event.verified.CopyFrom(self.verified[1])
        return event
