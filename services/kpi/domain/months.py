"""Months as integers counted from January of year 0, so that ranges are plain comparisons."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from services.kernel.errors import InvalidArgument

RANGE_MONTHS_MAX = 120
DATE = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])(?:-[0-9]{2})?")


@lru_cache(maxsize=4096)
def month_of_date(date: str) -> int:
    """Return the month of a date `YYYY-MM-DD` or `YYYY-MM`, as a number: year * 12 + month - 1.

    Raises:
        ValueError: the text is not exactly a date. The caller's fault.
    """
    # Not `int` of slices, which accepts blanks, signs, underscores and digits of other scripts.
    parts = DATE.fullmatch(date)
    if parts is None:
        raise ValueError(f"not a date: {date}")
    return int(parts[1]) * 12 + int(parts[2]) - 1


@cache
def month_text(month: int) -> str:
    """Return a month, counted from January of year 0, as `YYYY-MM`, e.g. 24312 as `2026-01`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def month_range(from_month: str, to_month: str) -> tuple[int, int]:
    """Return the first and last month of a range, both included, as counted from year 0.

    Args:
        from_month: first month, `YYYY-MM`.
        to_month: last month, `YYYY-MM`, included.

    Raises:
        InvalidArgument: a text is not a month, the order is wrong, or the range exceeds 120 months.
            The caller's fault.
    """
    bounds = []
    for field, text in (("from_month", from_month), ("to_month", to_month)):
        try:
            if len(text) != len("YYYY-MM"):
                raise ValueError(text)
            bounds.append(month_of_date(text))
        except ValueError:
            raise InvalidArgument(
                f"{field} is not a month: write YYYY-MM", fields={field: "write YYYY-MM"}
            ) from None
    first, last = bounds
    if last < first or last - first >= RANGE_MONTHS_MAX:
        raise InvalidArgument(
            f"the range must run forward, over at most {RANGE_MONTHS_MAX} months",
            fields={"to_month": "before from_month, or too far after it"},
        )
    return first, last
