"""The change log of a partition: which rows its last flushes changed, for readers that follow.

Entries replace an index on the offset of every row, which would cost the database more than the row
itself (ADR 0008). The entry of a small flush also holds the changed cells, so that an up-to-date
reader reads no rows: the row of a large unit has hundreds of cells, of which an event changes ten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from pymongo import ReplaceOne

from services.kpi.domain.fold import CellKey, RowKey
from services.kpi.store.writes import Flush, row_id
from services.kpi.wire.rows import decode_rows, encode_rows

# With a flush every 20 ms a reader may lag by five seconds before it has to read all rows again.
NOTES_KEPT = 256
ROWS_TOLD_MAX = 500
"""Maximum number of rows of a flush whose changed cells are noted; beyond it, rows are read."""


class Notes:
    """Makes the change log entries of one owner of a partition; the last 256 are kept, in a ring.

    A reader whose position is before `kept_from` has to read every row.

    Args:
        kept_from: first offset that the entries cover; older entries are those of a former owner.
    """

    def __init__(self, kept_from: int) -> None:
        self.kept_from = kept_from
        self._offsets: deque[int] = deque()
        self._written = 0

    def next(self, flush: Flush) -> ReplaceOne[dict[str, Any]]:
        """Return the database write of the change log entry for a flush.

        From the 257th on, it replaces the oldest entry, and `kept_from` moves on.
        """
        lease, slot = flush.lease, self._written % NOTES_KEPT
        if len(self._offsets) == NOTES_KEPT:
            self.kept_from = self._offsets.popleft() + 1
        self._offsets.append(flush.last_offset)
        self._written += 1
        identity = f"{lease.view_id}|{lease.partition}|{slot}"
        note = {
            "_id": identity,
            "v": lease.view_id,
            "p": lease.partition,
            "o": flush.last_offset,
            "r": [row_id(lease, *place) for place in flush.rows],
            "c": _told(flush),
        }
        return ReplaceOne({"_id": identity}, note, upsert=True)


def _told(flush: Flush) -> bytes:
    """Return the new values of the changed cells, encoded; empty if there are too many."""
    if len(flush.rows) > ROWS_TOLD_MAX or not flush.rows.keys() <= flush.changed.keys():
        return b""
    told = {(flush.lease.partition, *place): flush.changed[place] for place in flush.rows}
    return encode_rows(told) if told else b""


def told_by(note: Mapping[str, Any]) -> dict[RowKey, dict[CellKey, int]]:
    """Return (unit id, month) -> changed cells with their new values, as an entry holds them.

    The value of a removed cell is 0. Empty if the entry only names rows, which then have to be
    read.
    """
    packed = note.get("c")
    told = decode_rows(packed) if packed else ()
    return {(unit_id, month): cells for (_, unit_id, month), cells in told}
