"""Encodes rows compactly: all of a view for kept days and replays, or those of one flush."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping

from services.kpi.domain.catalogue import Catalogue
from services.kpi.domain.cube import Cube, Row
from services.kpi.domain.fold import CellKey

LEVEL = 6


def encode_rows(rows: Mapping[tuple[int, str, int], Row]) -> bytes:
    """Return rows as bytes; equal rows give equal bytes.

    Args:
        rows: (partition, unit id, month) -> row; empty rows are left out.
    """
    document = [
        [*place, sorted([column, member, value] for (column, member), value in row.items())]
        for place, row in sorted(rows.items())
        if row
    ]
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode(), LEVEL)


def decode_rows(content: bytes) -> Iterator[tuple[tuple[int, str, int], dict[CellKey, int]]]:
    """Yield ((partition, unit id, month), row) of the rows that `encode_rows` encoded."""
    for partition, unit_id, month, cells in json.loads(zlib.decompress(content)):
        yield (partition, unit_id, month), {(column, member): v for column, member, v in cells}


def decode_cube(content: bytes, catalogue: Catalogue) -> Cube:
    """Return a cube filled with the rows that `encode_rows` encoded."""
    cube = Cube(catalogue)
    for place, row in decode_rows(content):
        cube.put(*place, row)
    return cube
