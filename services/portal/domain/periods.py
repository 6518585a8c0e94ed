"""Periods of whole months, as pages show them and URLs name them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from services.kernel.errors import InvalidArgument

MONTHS_MAX = 120
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


def months_until(last: str, count: int) -> Period:
    """Return the period of ``count`` months that ends with the month ``last``.

    For example, 3 months until `2025-01` are those from `2024-11` to `2025-01`.
    """
    return Period(_name(_number(last) - count + 1), last)


def months_of(given: Period) -> Iterator[str]:
    """Yield every month of a period as `YYYY-MM`, in order."""
    return map(_name, range(_number(given.first), _number(given.last) + 1))


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _name(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"
