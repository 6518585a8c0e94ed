"""Parked records, i.e. those that cannot be folded.

Holds the limits at which the fold stops, and finds parked records that a newer version replaces.
Only deterministic failures are parked, so that every replay parks the same records.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from services.kpi.domain.authority import full_name

WINDOW_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Maximum numbers of parked records, beyond which the fold stops. They never affect a cell.

    Args:
        in_a_row: maximum number of consecutive records.
        per_window: maximum number among the last 10,000 records of a partition. Checked only once
            the partition has that many; otherwise few bad records would stop a new log.
    """

    in_a_row: int = 1000
    per_window: int = 100


UNLIMITED = Limits(sys.maxsize, sys.maxsize)
"""No limits: for recomputing a view that was already folded within its own limits."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A record that cannot be folded, with its origin as far as it is readable.

    ``version`` is 0 and texts are empty where the record does not state them.

    Args:
        reason: why it cannot be folded.
        type: CloudEvents type of the record.
        institution_id: institution that is responsible for the record.
        submission_id: submission that the record changes.
        version: version of that submission.
        work_key: key of the work.
        recorded_ms: time of the record, in milliseconds since 1970.
        value: value of the record as it was read.
    """

    reason: str
    type: str
    institution_id: str
    submission_id: str
    version: int
    work_key: str
    recorded_ms: int
    value: bytes


@dataclass(frozen=True, slots=True)
class ParkedRef:
    """What the fold remembers of a parked record.

    Args:
        offset: offset of the record in its partition.
        name: full name of its submission, see `authority.full_name`; empty if unknown.
        work_key: key of its work; empty if unknown.
        version: version of its submission; 0 if unknown.
        is_open: True until a newer version of the submission has been folded.
    """

    offset: int
    name: str
    work_key: str
    version: int
    is_open: bool


class Parking:
    """The parked records of one partition: counts them, and finds those that were replaced.

    Args:
        limits: when the fold must stop.
        parked_refs: records parked earlier: all open ones, and all among the last 10,000 records.
    """

    def __init__(self, limits: Limits, parked_refs: Iterable[ParkedRef] = ()) -> None:
        self._limits = limits
        self._recent: deque[int] = deque()
        self._in_a_row = 0
        self._open: dict[tuple[str, str], list[ParkedRef]] = {}
        for parked_ref in sorted(parked_refs, key=lambda parked_ref: parked_ref.offset):
            self._bury(parked_ref)

    def park(self, offset: int, parked: Parked) -> str:
        """Add a parked record; return why the fold must stop now, or empty if it may continue.

        Args:
            offset: its offset, greater than those of all earlier ones.
            parked: the record.
        """
        name = full_name(parked.institution_id, parked.submission_id)
        self._bury(ParkedRef(offset, name, parked.work_key, parked.version, is_open=True))
        if self._in_a_row > self._limits.in_a_row:
            return f"over {self._limits.in_a_row} records in a row cannot be folded"
        is_full = offset + 1 >= WINDOW_RECORDS
        if is_full and len(self._recent) > self._limits.per_window:
            limit = self._limits.per_window
            return f"over {limit} of the last {WINDOW_RECORDS} records cannot be folded"
        return ""

    def mended(self, name: str, work_key: str, version: int) -> list[int]:
        """Return the offsets of open parked records that a newer version replaces, and close them.

        Args:
            name: full name of the submission that was folded.
            work_key: key of its work.
            version: the version that was folded.
        """
        if not self._open:
            return []
        parked_refs = self._open.get((name, work_key), [])
        done = [parked_ref.offset for parked_ref in parked_refs if parked_ref.version < version]
        left = [parked_ref for parked_ref in parked_refs if parked_ref.version >= version]
        if left:
            self._open[name, work_key] = left
        else:
            self._open.pop((name, work_key), None)
        return done

    def _bury(self, parked_ref: ParkedRef) -> None:
        follows = bool(self._recent) and self._recent[-1] == parked_ref.offset - 1
        self._in_a_row = self._in_a_row + 1 if follows else 1
        self._recent.append(parked_ref.offset)
        while self._recent[0] <= parked_ref.offset - WINDOW_RECORDS:
            self._recent.popleft()
        if parked_ref.is_open and parked_ref.name:
            self._open.setdefault((parked_ref.name, parked_ref.work_key), []).append(parked_ref)
