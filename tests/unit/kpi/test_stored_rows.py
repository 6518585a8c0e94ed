from __future__ import annotations

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kpi.store.rows import decode_row, encode_row

NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
CELLS = st.tuples(NAMES.filter(lambda name: "\0" not in name), st.one_of(st.just(""), NAMES))
ROWS = st.dictionaries(CELLS, st.integers(-(2**63), 2**63 - 1), max_size=20)


@given(ROWS)
def test_a_row_comes_back_as_it_was_stored(row: dict[tuple[str, str], int]) -> None:
    assert decode_row(bson.decode(bson.encode(encode_row(row)))) == row


def test_a_row_without_members_packs_nothing() -> None:
    assert encode_row({("A:declared", ""): 3}) == {"n": {"A:declared": 3}, "s": b""}


def test_a_row_of_before_is_still_read() -> None:
    stored = {"n": {"A:declared": 3}, "s": [["B:declared", "p1", 2], ["B:declared", "p2", 1]]}
    assert decode_row(stored) == {
        ("A:declared", ""): 3,
        ("B:declared", "p1"): 2,
        ("B:declared", "p2"): 1,
    }


def test_a_damaged_row_stops_loudly() -> None:
    with pytest.raises(Exception, match="incorrect header"):
        decode_row({"n": {}, "s": b"damaged"})
