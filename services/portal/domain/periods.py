"""Periods of whole months, as pages show them and URLs name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from services.kernel.errors import InvalidArgument

MONTHS_MAX = 120
FIRST_OF_ACADEMIC_YEAR = 8
"""September, counted from 0."""
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Period:
    """Months from ``first`` to ``last``, both included, each `YYYY-MM`."""

    first: str
    last: str

    @property
    def months(self) -> int:
        """Number of months, 1 or more."""
        return _number(self.last) - _number(self.first) + 1


def period(first: str, last: str) -> Period:
    """Return the period from a first to a last month, both `YYYY-MM` and included.

    Raises:
        InvalidArgument: a text is not a month, the last month is before the first, or the period is
            longer than 120 months. The caller's fault.
    """
    for name, month in (("from", first), ("to", last)):
        if not _MONTH.fullmatch(month):
            raise InvalidArgument(f"{name}: write a month as 2025-01", fields={name: "not a month"})
    found = Period(first, last)
    if not 1 <= found.months <= MONTHS_MAX:
        raise InvalidArgument(
            f"from, to: 1 to {MONTHS_MAX} months, the first one first", fields={"to": "not a range"}
        )
    return found


def year_to_date(today: date) -> Period:
    """Return the period from January to the month of a day, both of its year.

    For example, 5 March 2026 gives `2026-01` to `2026-03`.
    """
    return Period(f"{today.year}-01", f"{today.year}-{today.month:02}")


def year(number: int) -> Period:
    """Return the period of a calendar year: for 2025, `2025-01` to `2025-12`."""
    return Period(f"{number:04}-01", f"{number:04}-12")


def choices(last: str) -> Mapping[str, Period]:
    """Return the periods to choose from around a month, `YYYY-MM`: name -> period, shortest first.

    The names are `month`, `quarter`, `half`, `to_month` (January up to the month), `year` and
    `academic`, the academic year from September to August.
    """
    at = _number(last)
    year, autumn = at - at % 12, at - (at - FIRST_OF_ACADEMIC_YEAR) % 12
    spans = {
        "month": (at, at),
        "quarter": (at - at % 3, at - at % 3 + 2),
        "half": (at - at % 6, at - at % 6 + 5),
        "to_month": (year, at),
        "year": (year, year + 11),
        "academic": (autumn, autumn + 11),
    }
    return {name: Period(_name(first), _name(end)) for name, (first, end) in spans.items()}


def months_until(last: str, count: int) -> Period:
    """Return the period of ``count`` months that ends with the month ``last``.

    For example, 3 months until `2025-01` are those from `2024-11` to `2025-01`.
    """
    return Period(_name(_number(last) - count + 1), last)


def year_earlier(given: Period) -> Period:
    """Return the same months of the year before."""
    return Period(_name(_number(given.first) - 12), _name(_number(given.last) - 12))


def months_of(given: Period) -> Iterator[str]:
    """Yield every month of a period as `YYYY-MM`, in order."""
    return map(_name, range(_number(given.first), _number(given.last) + 1))


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _name(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"
