"""Reads dates with names of months, and those of exports, spread over several fields. Pure."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
KNOWN = {*MONTHS, "spr", "sum", "fal", "aut", "win", "st", "nd", "rd", "th", "of", "ngà", "năm"}
"""First letters of words in dates: names of months, and words that tell no month, e.g. seasons."""
LENGTH_MAX = 60
"""Maximum length of a date in characters: in a longer text some patterns would look for long."""
TIME = re.compile(r"(?<=\d)[T ]\d\d?:.*")
# Of 2024-01-01/2025-03-31 the end counts, as of the issue of January and February.
UP_TO = re.compile(r"\d{4}\b.*/(?=\d{4}(?:-|$))")
VIETNAMESE = re.compile(r"(?:tháng|thg)\s*(0?[1-9]|1[0-2])(?!\d)", re.IGNORECASE)
NAMED = re.compile(r"[^\d:]*\d{1,4}[^\d:]+\d{1,4}[^\d:]*")
"""Matches a date without its month, i.e. with two numbers and no time."""
WITHOUT_SIGNS = re.compile(r"(\d{4})(\d\d)(\d\d)")
WORD = re.compile(r"\d+|[^\W\d_]+")

Parts = tuple[int, int, int]
"""Year, month and day of a date; 0 for each that it lacks."""


def parts_of(text: str) -> Parts | None:
    """Return the parts of a date in a text; None if the text says more or something else.

    Months are numbers behind their year, or names: `2025-03-31`, `2025/3///`, `20250331`, `Mar 31`,
    `31 March 2025`, `ngày 31 tháng 3 năm 2025`. A lone number is a month. Times of day and
    seasons are left out. Of several months (`JAN-FEB`) and of an interval, the last counts.

    Args:
        text: what a field of an export says; not empty.
    """
    if len(text) > LENGTH_MAX:
        return None
    plain = UP_TO.sub("", TIME.sub("", text.strip()))
    if found := WITHOUT_SIGNS.fullmatch(plain):
        return _parts(*map(int, found.groups()))
    named = VIETNAMESE.sub(lambda found: f" {MONTHS[int(found[1]) - 1]} ", plain)
    words = WORD.findall(named.casefold())
    months = [MONTHS.index(word[:3]) + 1 for word in words if word[:3] in MONTHS]
    numbers = [word for word in words if word.isdecimal()]
    years = {int(word) for word in numbers if len(word) == 4}
    rest = [int(word) for word in numbers if len(word) < 3]
    unknown = [word for word in words if not word.isdecimal() and word[:3] not in KNOWN]
    if unknown or len(years) > 1 or any(len(word) == 3 or len(word) > 4 for word in numbers):
        return None
    year = max(years, default=0)
    if months:
        return _parts(year, months[-1], *rest[-1:]) if len(rest) <= len(months) else None
    # Without a name, the year has to come first: of 03/2025 and 31/03/2025 nothing is certain.
    is_ordered = len(numbers[0]) == 4 if year else len(rest) <= 1
    return _parts(year, *rest) if is_ordered and len(rest) <= 2 else None


def named_day(text: str) -> Parts | None:
    """Return the parts of a complete date whose month is a name: `31-Mar-2025`; None for any other.

    Args:
        text: what a cell says; may be anything.
    """
    if len(text) > LENGTH_MAX or not NAMED.fullmatch(VIETNAMESE.sub("", text)):
        return None
    found = parts_of(text)
    return found if found and all(found) else None


def day_of(texts: Sequence[str], month_day: str) -> str:
    """Return the date that several texts tell together, as `YYYY-MM-DD`.

    The most complete text counts, and others add what it lacks. Without ``month_day`` a date may
    remain `YYYY` or `YYYY-MM`. A text that is not understood is returned as it is, so that it is
    refused rather than lost; if there is no year, that is all of them.

    Args:
        texts: what the fields of an export say; empty ones are ignored.
        month_day: `MM-DD` that completes a date without a month. A month without a day gets the
            same day, or the last one of a shorter month.
    """
    found = {text: parts_of(text) for text in texts if text}
    if unclear := [text for text, parts in found.items() if parts is None]:
        return unclear[0]
    year = month = day = 0
    for parts in sorted(filter(None, found.values()), key=lambda each: each.count(0)):
        if not year or parts[0] in (0, year):
            year, month, day = year or parts[0], month or parts[1], day or parts[2]
    if not year:
        return " ".join(found)
    if month_day and not (month and day):
        month, day = month or int(month_day[:2]), int(month_day[3:])
        day = min(day, monthrange(year, month)[1])
    told = (f"{year:04d}", f"{month:02d}" if month else "", f"{day:02d}" if month and day else "")
    return "-".join(filter(None, told))


def _parts(year: int, month: int = 0, day: int = 0) -> Parts | None:
    return (year, month, day) if month <= 12 and day <= 31 else None
