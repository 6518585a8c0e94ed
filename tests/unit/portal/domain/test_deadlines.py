"""When decisions are due."""

from datetime import UTC, datetime, timedelta

import pytest

from services.portal.domain.deadlines import due, is_due

CHANGED = datetime(2025, 3, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("days", "overdue", "soon"),
    [(0, False, False), (7, False, False), (8, False, True), (14, False, True), (15, True, True)],
)
def test_a_decision_is_due_within_two_weeks_and_soon_in_the_second(
    days: int, overdue: bool, soon: bool
) -> None:
    now = CHANGED + timedelta(days=days)
    assert is_due("overdue", CHANGED, now) is overdue
    assert is_due("soon", CHANGED, now) is soon


def test_it_is_due_at_the_hour_of_the_last_change() -> None:
    assert due(CHANGED) == datetime(2025, 3, 15, 8, tzinfo=UTC)
