"""Mistakes in the notes of changed cells, and in what their readers make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.kpi.domain.fold import CellKey, RowKey
from services.kpi.store import change_notes, reads
from services.kpi.store.ledger import Flush
from services.kpi.store.reads import Snapshots, _row

_REAL_NOTE = change_notes.Notes.next


def _names_no_rows(self: change_notes.Notes, flush: Flush) -> Any:
    return _REAL_NOTE(self, replace(flush, rows=dict(list(flush.rows.items())[1:])))


def _tells_no_cell(self: change_notes.Notes, flush: Flush) -> Any:
    changed: dict[RowKey, Mapping[CellKey, int]] = {
        place: dict(list(cells.items())[1:]) for place, cells in flush.changed.items()
    }
    return _REAL_NOTE(self, replace(flush, changed=changed))


def _backwards(name: str) -> Any:
    return lambda note: -note[name]


def _reads_unit_by_unit(self: Snapshots, view_id: str, since: Any) -> Any:
    """Reads rows one after the other, outside one snapshot."""
    progress = self.progress(view_id)
    rows = []
    for unit_id in ("a/x/g", "a/x/h", "a/x", "a/y", "a", "b/x/g", "b/x", "b", "c", "consortium"):
        found = self._rows.find({"v": view_id, "u": unit_id})
        rows += [_row(d) for d in found if d["o"] >= since.get(d["p"], 0)]
    return progress, rows


MUTANTS = {
    "the note of a flush leaves a row out": ((change_notes.Notes, "next", _names_no_rows),),
    "the note of a flush leaves a cell out": ((change_notes.Notes, "next", _tells_no_cell),),
    "a reader takes what notes tell in any order": ((reads, "itemgetter", _backwards),),
    "a reader reads row by row": ((Snapshots, "changes", _reads_unit_by_unit),),
}
