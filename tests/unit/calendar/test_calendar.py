"""A day begins and ends at midnight in Vietnam."""

from __future__ import annotations

from datetime import UTC, date, datetime

from services.calendar import day_in_vietnam, is_over


def test_a_day_is_over_at_midnight_in_vietnam() -> None:
    assert day_in_vietnam(datetime(2026, 1, 1, 16, 59, tzinfo=UTC)) == date(2026, 1, 1)
    assert day_in_vietnam(datetime(2026, 1, 1, 17, 0, tzinfo=UTC)) == date(2026, 1, 2)


def test_a_last_day_is_over_when_the_next_one_begins_in_vietnam() -> None:
    evening = datetime(2026, 1, 1, 16, 59, tzinfo=UTC)
    assert [is_over(day, evening) for day in ("", "2025-12-31", "2026-01-01", "2026-01-02")] == [
        *(False, True, False, False)
    ]
    assert is_over("2026-01-01", datetime(2026, 1, 1, 17, 0, tzinfo=UTC))
