"""Writes numbers as a language does: short beside each other, in full on hover."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent

from services.amounts import Form, compact
from services.portal.domain.figures import Number
from services.portal.texts import Lang

NOTHING = "–"  # noqa: RUF001  an en dash is what a reader expects
SHORT_FROM = 1_000_000
"""Smaller numbers are written in full."""
KEPT_MAX = 8192
"""Written numbers that are kept by type: `Fraction(1)` equals 1, but is written with decimals."""
_COMPACT: Mapping[Lang, Form] = {Lang.vi: "long", Lang.en: "short"}


@lru_cache(KEPT_MAX, typed=True)
def short(number: Number | None, unit: str, lang: Lang) -> str:
    """Return a number in few characters, e.g. `1,2 tỷ`.

    Args:
        number: the number; None is a dash.
        unit: unit of the indicator; `percent` writes a ratio so.
        lang: whose words and separators to use.
    """
    if isinstance(number, int) and abs(number) >= SHORT_FROM:
        return compact(number, lang.value, _COMPACT[lang])
    return full(number, unit, lang)


@lru_cache(KEPT_MAX, typed=True)
def full(number: Number | None, unit: str, lang: Lang) -> str:
    """Return a number with all its digits; ratios have two decimals, percents one."""
    if number is None:
        return NOTHING
    if isinstance(number, Fraction):
        if unit == "percent":
            return percent(number, lang)
        return str(format_decimal(float(number), format="#,##0.00", locale=lang.value))
    return str(format_decimal(number, locale=lang.value))


def signed(number: Number | None, unit: str, lang: Lang) -> str:
    """Return a change with its sign."""
    if number is None:
        return NOTHING
    shown = short(-number if number < 0 else number, unit, lang)
    if not number:
        return f"±{shown}"
    return f"{'+' if number > 0 else '−'}{shown}"  # noqa: RUF001  a minus, as wide as the plus


@lru_cache(KEPT_MAX, typed=True)
def percent(part: Fraction, lang: Lang) -> str:
    """Return a part of one as percent with at most one decimal."""
    return str(format_percent(float(part), format="#,##0.#%", locale=lang.value))


def moment(when: datetime, zone: ZoneInfo, lang: Lang) -> str:
    """Return a date and time to the minute in a time zone, which is named, e.g. `GMT+07:00`."""
    local = when.astimezone(zone)
    return str(format_datetime(local, "d MMM yyyy HH:mm ZZZZ", locale=lang.value))
