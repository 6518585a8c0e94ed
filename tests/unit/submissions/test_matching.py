"""A filter finds in memory what it finds in a database."""

from __future__ import annotations

from typing import Any

import pytest

from services.submissions.matching import fits

STORED = {"units": ["a", "a/x"], "state": 2, "work_key": "doi:1"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True),
        ({"units": "a"}, True),
        ({"units": "b"}, False),
        ({"units": {"$in": ["a/x", "b"]}}, True),
        ({"units": {"$in": []}}, False),
        ({"state": {"$in": [1, 2]}}, True),
        ({"state": {"$in": [1, 3]}}, False),
        ({"state": 2, "work_key": "doi:1"}, True),
        ({"state": 2, "work_key": "doi:2"}, False),
        ({"work_key": {"$gte": "doi:1", "$lt": "doi:2"}}, True),
        ({"work_key": {"$gt": "doi:1", "$lt": "doi:2"}}, False),
        ({"work_key": {"$gte": "doi:0", "$lt": "doi:1"}}, False),
    ],
)
def test_a_filter_finds_in_memory_what_a_database_finds(query: dict[str, Any], found: bool) -> None:
    assert fits(STORED, query) is found
