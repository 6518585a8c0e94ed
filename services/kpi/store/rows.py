"""A stored row: the cells of one unit and month in one partition.

Counts lie open, by column. Cells with members, of which a large unit has hundreds a month, lie in
one packed field: a database takes several times as long for a list of them (ADR 0018).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from services.kpi.domain.image import Row

LEVEL = 1
"""Of compression; more of it costs more than it saves."""


def encode_row(row: Row) -> dict[str, Any]:
    """Return the fields of a row: `n` is column -> value, `s` the packed cells with members."""
    counts: dict[str, int] = {}
    members: dict[str, dict[str, int]] = {}
    for (column, member), value in row.items():
        if not member:
            counts[column] = value
        elif column in members:
            members[column][member] = value
        else:
            members[column] = {member: value}
    packed = zlib.compress(json.dumps(members).encode(), LEVEL) if members else b""
    return {"n": counts, "s": packed}


def decode_row(document: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Return the cells of a stored row: (column, member) -> value."""
    cells = {(column, ""): value for column, value in document["n"].items()}
    packed = document["s"]
    if isinstance(packed, list):  # as rows were stored before ADR 0018
        cells.update({(column, member): value for column, member, value in packed})
    elif packed:
        for column, members in json.loads(zlib.decompress(packed)).items():
            for member, value in members.items():
                cells[column, member] = value
    return cells
