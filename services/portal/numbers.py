"""Formats numbers and times in a language: shortened in tables, in full on hover."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from services.amounts import Form, compact
from services.portal.domain.figures import Number
from services.portal.texts import text
from services.texts import Lang

NOTHING = "–"  # noqa: RUF001  an en dash, as typography has it for a missing value
SHORT_FROM = 1_000_000
"""Smallest whole number that is shortened."""
KEPT_MAX = 8192
"""Formatted numbers that are cached, by value and type: `Fraction(1)` has decimals, 1 has none."""
_COMPACT: Mapping[Lang, Form] = {Lang.vi: "long", Lang.en: "short"}
_MONTH: Mapping[Lang, str] = {Lang.vi: "M/yyyy", Lang.en: "MMM yyyy"}
_MARKS: Mapping[Lang, str] = {Lang.vi: ".", Lang.en: ","}
"""Mark between thousands."""


@lru_cache(KEPT_MAX, typed=True)
def short(number: Number | None, unit: str, lang: Lang) -> str:
    """Return a number for a table: a whole number of a million or more is shortened, e.g. `1,2 tỷ`.

    Smaller numbers and fractions are written as by `full`.

    Args:
        number: the number; None gives a dash.
        unit: what the indicator is counted in; a fraction in `percent` is written as a percentage.
        lang: language of words and separators.
    """
    if isinstance(number, int) and abs(number) >= SHORT_FROM:
        return compact(number, lang.value, _COMPACT[lang])
    return full(number, unit, lang)


@lru_cache(KEPT_MAX, typed=True)
def halves(number: Number | None, unit: str, lang: Lang) -> tuple[str, str]:
    """Return what `short` returns in two parts, which meet where the decimal mark is or would be.

    For example, `537,7 tỷ` gives `537` and `,7 tỷ`; 16 gives `16` and nothing.

    Args:
        number: the number; None gives a dash and nothing.
        unit: what the indicator is counted in; a fraction in `percent` is written as a percentage.
        lang: language of words and separators.
    """
    shown = short(number, unit, lang)
    whole = {"-", NOTHING, _MARKS[lang]}
    at = next((i for i, c in enumerate(shown) if not (c.isdecimal() or c in whole)), len(shown))
    return shown[:at], shown[at:]


@lru_cache(KEPT_MAX, typed=True)
def full(number: Number | None, unit: str, lang: Lang) -> str:
    """Return a number with all its digits, e.g. `1.234.567` in Vietnamese.

    Fractions have two decimals (`0,50`), percentages up to one (`50%`).

    Args:
        number: the number; None gives a dash.
        unit: what the indicator is counted in; a fraction in `percent` is written as a percentage.
        lang: language of the separators.
    """
    if number is None:
        return NOTHING
    if isinstance(number, Fraction):
        if unit == "percent":
            return percent(number, lang)
        return str(format_decimal(float(number), format="#,##0.00", locale=lang.value))
    return str(format_decimal(number, locale=lang.value))


def signed(number: Number | None, unit: str, lang: Lang) -> str:
    """Return a change with its sign, shortened like `short`; zero has the sign `±`.

    Args:
        number: the change; None gives a dash.
        unit: what the indicator is counted in; a fraction in `percent` is a number of percentage
            points, because `+2%` may also mean 2 % of the percentage.
        lang: language of words and separators.
    """
    if number is None:
        return NOTHING
    shown = short(-number if number < 0 else number, unit, lang)
    if unit == "percent" and shown.endswith("%"):
        shown = text(lang, "compared.points", number=shown.removesuffix("%"))
    if not number:
        return f"±{shown}"
    return f"{'+' if number > 0 else '−'}{shown}"  # noqa: RUF001  a minus, as wide as the plus


@lru_cache(KEPT_MAX, typed=True)
def percent(part: Fraction, lang: Lang) -> str:
    """Return a fraction as a percentage with at most one decimal: 1/2 gives `50%`."""
    return str(format_percent(float(part), format="#,##0.#%", locale=lang.value))


@lru_cache(KEPT_MAX)
def month(name: str, lang: Lang) -> str:
    """Return a month, given as `YYYY-MM`, as people write it: `7/2025`, in English `Jul 2025`."""
    return str(format_date(date.fromisoformat(f"{name}-01"), _MONTH[lang], locale=lang.value))


@lru_cache(KEPT_MAX)
def moment(when: datetime, zone: ZoneInfo, lang: Lang) -> str:
    """Return a date and time to the minute in a time zone, e.g. `5 Mar 2026 14:30 GMT+07:00`.

    Args:
        when: the time; in any time zone.
        zone: time zone to convert it to; the text ends with its offset.
        lang: language of the month.
    """
    local = when.astimezone(zone)
    return str(format_datetime(local, "d MMM yyyy HH:mm ZZZZ", locale=lang.value))
