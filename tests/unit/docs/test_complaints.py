"""The page of complaints names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_complaint_is_answered_by_a_test_that_exists() -> None:
    rows = re.findall(
        r"^\| (\d+) \|.*\|(.*)\|$", (ROOT / "docs/complaints.md").read_text(), re.MULTILINE
    )
    assert [int(number) for number, _ in rows] == list(range(1, 13))
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for number, held in rows:
        names = re.findall(r"`(test_\w+)`", held)
        assert names, number
        assert [name for name in names if f"def {name}(" not in tests] == [], number
