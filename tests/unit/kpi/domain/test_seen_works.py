"""Work keys that were seen are never forgotten."""

from __future__ import annotations

from services.kpi.domain.seen_works import SeenWorks


def test_no_key_that_was_added_is_missed_and_hardly_any_other_is_found() -> None:
    seen = SeenWorks()
    for number in range(5_000):
        seen.add(f"doi:10.1000/{number}")
    assert all(f"doi:10.1000/{number}" in seen for number in range(5_000))
    others = sum(f"doi:10.2000/{number}" in seen for number in range(5_000))
    # One bit in 27,000 is taken: a false positive in five is to be expected at most.
    assert others <= 5


def test_nothing_is_seen_at_first() -> None:
    assert "doi:10.1000/1" not in SeenWorks()
