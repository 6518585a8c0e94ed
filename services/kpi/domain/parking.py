"""Parked records, which cannot be folded: limits that stop the fold, and replacement.

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
    """Maximum numbers of parked records before the fold stops. They never affect a cell.

    Args:
        in_a_row: consecutive records.
        per_window: records among the last 10,000 of a partition; checked only once the partition
            has so many, or a single bad record would stop a new log.
    """

    in_a_row: int = 1000
    per_window: int = 100


UNLIMITED = Limits(sys.maxsize, sys.maxsize)
"""No limits: for recomputing a view, which was folded within its own limits."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked record: one that cannot be folded, with its origin as far as readable.

    ``version`` is 0 and the texts are empty where the record does not name them.
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
    """What the fold keeps of a parked record; ``is_open`` until a newer version was folded.

    ``name`` is the full name of its submission, see `authority.full_name`; empty if unknown.
    """

    offset: int
    name: str
    work_key: str
    version: int
    is_open: bool


class Parking:
    """The parked records of one partition, by offset: counts them and finds those replaced.

    Args:
        limits: when to stop.
        parked_refs: records parked earlier: all open ones, and all of the last window.
    """

    def __init__(self, limits: Limits, parked_refs: Iterable[ParkedRef] = ()) -> None:
        self._limits = limits
        self._recent: deque[int] = deque()
        self._in_a_row = 0
        self._open: dict[tuple[str, str], list[ParkedRef]] = {}
        for parked_ref in sorted(parked_refs, key=lambda parked_ref: parked_ref.offset):
            self._bury(parked_ref)

    def park(self, offset: int, parked: Parked) -> str:
        """Add a parked record; return why the fold must stop now, empty if it may continue."""
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
        """Return the offsets of open parked records that a submission's newer version replaces."""
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
