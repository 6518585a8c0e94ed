"""A day begins and ends at midnight in Vietnam."""

from __future__ import annotations

from datetime import UTC, date, datetime

from services.calendar import day_in_vietnam


def test_a_day_is_over_at_midnight_in_vietnam() -> None:
    assert day_in_vietnam(datetime(2026, 1, 1, 16, 59, tzinfo=UTC)) == date(2026, 1, 1)
    assert day_in_vietnam(datetime(2026, 1, 1, 17, 0, tzinfo=UTC)) == date(2026, 1, 2)
