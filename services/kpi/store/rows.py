"""A stored row: the cells of one unit and month in one partition.

Counts are plain fields, by column. Cells with members, of which a large unit has thousands per
month, are encoded by column: lists of them would be several times slower in the database, and an
event changes only some columns (ADR 0018).
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Mapping
from sys import intern
from typing import Any

import bson

from services.kpi.domain.cube import Row
from services.kpi.domain.fold import CellKey

INT64_MAX = 2**63 - 1
LEVEL = 1
"""Compression level; a higher one would cost more than it saves."""
TEXT_MAX = 80
"""Size in bytes up to which encoded cells are not compressed, because it would save nothing."""
BRACE = ord("{")
"""First byte of uncompressed cells; compressed ones begin with another byte."""


class PackedRow:
    """A row in the memory of its owner, in the form in which it is stored. Immutable.

    Args:
        counts: column name -> value.
        packed: column name of a distinct count -> its members with their values, encoded.
    """

    __slots__ = ("counts", "packed")

    def __init__(
        self, counts: dict[str, int] | None = None, packed: dict[str, bytes] | None = None
    ) -> None:
        self.counts = counts or {}
        self.packed = packed or {}

    @classmethod
    def of(cls, cells: Row) -> PackedRow:
        """Return the row that consists of these cells."""
        return cls().changed(cells)[0]

    @classmethod
    def stored(cls, document: Mapping[str, Any]) -> PackedRow:
        """Return the row of a stored document, of this or an older format."""
        if "d" not in document:
            return cls.of(_cells_of_before(document))
        counts = {intern(column): int(value) for column, value in document["n"].items()}
        packed = bson.decode(document["d"]) if document["d"] else {}
        return cls(counts, {intern(column): content for column, content in packed.items()})

    def fields(self) -> dict[str, Any]:
        """Return the fields of the row's document: `n` for counts, `d` for distinct counts."""
        counts: Mapping[str, int | str] = self.counts
        if max(map(abs, self.counts.values()), default=0) > INT64_MAX:
            # As text: amounts of many works may add up to what no integer of the database holds,
            # and an error would stop the partition for everybody.
            counts = {c: v if abs(v) <= INT64_MAX else str(v) for c, v in self.counts.items()}
        return {"n": counts, "d": bson.encode(self.packed) if self.packed else b""}

    def changed(self, steps: Row) -> tuple[PackedRow, dict[CellKey, int]]:
        """Return a new row with differences added, and the new values of the cells that changed.

        This row stays as it is.

        Args:
            steps: (column name, member) -> difference.

        Returns:
            The new row, and (column name, member) -> new value, which is 0 for a removed cell.
        """
        row, values = PackedRow(dict(self.counts), dict(self.packed)), dict[CellKey, int]()
        by_column: defaultdict[str, list[tuple[CellKey, int]]] = defaultdict(list)
        for cell, step in steps.items():
            column, member = cell
            if member:
                by_column[column].append((cell, step))
                continue
            values[cell] = value = row.counts.get(column, 0) + step
            if value:
                row.counts[column] = value
            else:
                del row.counts[column]
        for column, several in by_column.items():
            row._change_members(column, several, values)
        return row, values

    def _change_members(
        self, column: str, steps: list[tuple[CellKey, int]], values: dict[CellKey, int]
    ) -> None:
        content = self.packed.get(column)
        members = _unpacked(content) if content else {}
        for cell, step in steps:
            member = cell[1]
            values[cell] = value = members.get(member, 0) + step
            if value:
                members[member] = value
            else:
                del members[member]
        if members:
            self.packed[column] = _packed(members)
        else:
            self.packed.pop(column, None)

    def cells(self) -> dict[CellKey, int]:
        """Return all cells of the row: (column name, member) -> value."""
        cells = {(column, ""): value for column, value in self.counts.items()}
        for column, content in self.packed.items():
            for member, value in _unpacked(content).items():
                cells[column, member] = value
        return cells


def decode_row(document: Mapping[str, Any]) -> dict[CellKey, int]:
    """Return the cells of a row's document: (column name, member) -> value."""
    return PackedRow.stored(document).cells()


def _cells_of_before(document: Mapping[str, Any]) -> dict[CellKey, int]:
    """Return the cells of a document in one of the formats before ADR 0018 and its amendment."""
    cells = {(column, ""): value for column, value in document["n"].items()}
    packed = document["s"]
    if isinstance(packed, list):
        cells.update({(column, member): value for column, member, value in packed})
    elif packed:
        for column, members in json.loads(zlib.decompress(packed)).items():
            for member, value in members.items():
                cells[column, member] = value
    return cells


def _packed(members: dict[str, int]) -> bytes:
    text = json.dumps(members, separators=(",", ":")).encode()
    return text if len(text) <= TEXT_MAX else zlib.compress(text, LEVEL)


def _unpacked(content: bytes) -> dict[str, int]:
    text = content if content[0] == BRACE else zlib.decompress(content)
    members: dict[str, int] = json.loads(text)
    return members
