from __future__ import annotations

import json
import zlib
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kpi.store.rows import TEXT_MAX, PackedRow, decode_row

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
COLUMNS = NAMES.filter(lambda name: "\0" not in name)
CELLS = st.tuples(COLUMNS, st.one_of(st.just(""), NAMES))
VALUES = st.integers(-(2**60), 2**60).filter(bool)  # six of them are within 64 bits
ROWS = st.dictionaries(CELLS, VALUES, max_size=20)
Cells = dict[tuple[str, str], int]


def stored(row: PackedRow) -> dict[str, Any]:
    document: dict[str, Any] = bson.decode(bson.encode(row.fields()))
    return document


@given(ROWS)
def test_a_row_comes_back_as_it_was_stored(cells: Cells) -> None:
    document = stored(PackedRow.of(cells))
    assert decode_row(document) == PackedRow.stored(document).cells() == cells


@given(ROWS, st.lists(ROWS, max_size=5))
def test_changes_add_up_and_tell_new_values(cells: Cells, changes: list[Cells]) -> None:
    row, expected = PackedRow.of(cells), dict(cells)
    for steps in changes:
        before = PackedRow.stored(stored(row))
        row, told = before.changed(steps)
        assert before.cells() == expected, "a row that waits to be written stays as it was"
        for cell, step in steps.items():
            expected[cell] = expected.get(cell, 0) + step
        assert told == {cell: expected[cell] for cell in steps}
        expected = {cell: value for cell, value in expected.items() if value}
        assert row.cells() == expected


@given(ROWS)
def test_what_is_taken_away_leaves_nothing(cells: Cells) -> None:
    row = PackedRow.of(cells)
    row, _ = row.changed({cell: -value for cell, value in cells.items()})
    assert row.fields() == {"n": {}, "d": b""}


@pytest.mark.parametrize("count", [1, 500])
def test_many_members_are_compressed_and_few_are_not(count: int) -> None:
    row = PackedRow.of({("A:declared", f"partner-{number}"): 1 for number in range(count)})
    content = row.packed["A:declared"]
    assert content.startswith(b"{") == (count == 1)
    assert len(content) <= max(TEXT_MAX, 8 * count)


MEMBERS = {"B:declared": {"p1": 2, "p2": 1}}


@pytest.mark.parametrize(
    "packed",
    [
        [["B:declared", "p1", 2], ["B:declared", "p2", 1]],
        zlib.compress(json.dumps(MEMBERS).encode(), 1),
    ],
    ids=["a list", "all columns at once"],
)
def test_a_row_of_before_is_still_read_and_changed(packed: object) -> None:
    document = {"n": {"A:declared": 3}, "s": packed}
    cells = {("A:declared", ""): 3, ("B:declared", "p1"): 2, ("B:declared", "p2"): 1}
    assert decode_row(document) == cells
    row, _ = PackedRow.stored(document).changed({("B:declared", "p1"): 5})
    assert decode_row(stored(row)) == {**cells, ("B:declared", "p1"): 7}


def test_a_row_of_before_without_members_is_read() -> None:
    assert decode_row({"n": {"A:declared": 3}, "s": b""}) == {("A:declared", ""): 3}


@pytest.mark.parametrize(
    "document",
    [
        {"n": {}, "s": b"damaged"},
        {"n": {}, "d": bson.encode({"A:declared": b"damaged"})},
    ],
)
def test_a_damaged_row_stops_loudly(document: dict[str, Any]) -> None:
    with pytest.raises(zlib.error, match="incorrect header"):
        decode_row(document)


def test_a_sum_that_no_integer_of_the_database_holds_is_stored_as_well() -> None:
    whole = {("MON-01:declared", ""): 10**19, ("MON-02:declared", ""): -(2**63), ("N", ""): 7}
    document = PackedRow.of(whole).fields()
    stored = bson.decode(bson.encode(document))
    assert stored["n"] == {"MON-01:declared": str(10**19), "MON-02:declared": str(-(2**63)), "N": 7}
    assert PackedRow.stored(stored).cells() == whole
