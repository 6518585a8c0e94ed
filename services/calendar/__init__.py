"""The calendar of Vietnam, in which the dates of works, units and reports are meant."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

# No daylight saving since 1975, so the offset needs no time zone database.
_VIETNAM = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")


def day_in_vietnam(moment: datetime) -> date:
    """Return the calendar date in Vietnam at a time, which has a time zone."""
    return moment.astimezone(_VIETNAM).date()


def is_over(last_day: str, moment: datetime) -> bool:
    """Return True if a last day is over in Vietnam; False for none, i.e. an empty text.

    Args:
        last_day: the day, `YYYY-MM-DD`.
        moment: a time, which has a time zone.
    """
    return bool(last_day) and last_day < day_in_vietnam(moment).isoformat()
