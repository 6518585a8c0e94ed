"""Mistakes in how strictly the values of events are read."""

from __future__ import annotations

from typing import Any

from services.kernel.errors import InvalidRecord
from services.kpi.domain import contribution
from services.kpi.wire import forms


def _month_by_slices(text: str) -> int:
    year, month = int(text[:4]), int(text[5:7])
    if not 1 <= month <= 12 or text[4] != "-":
        raise ValueError(text)
    return year * 12 + month - 1


def _is_month_by_slices(text: str) -> bool:
    try:
        return _month_by_slices(text) is not None
    except (ValueError, IndexError):
        return False


def _any_integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise InvalidRecord(name) from error


def _any_number(name: str, value: int, low: int, high: int) -> int:
    return value


def _any_time(name: str, time: Any) -> None:
    return None


def _unknown_words_are_left_out(name: str, words: dict[int, str], value: int) -> str:
    return words.get(value, "")


MUTANTS = {
    "a date is what Python makes of its slices": (
        (forms, "_is_day", _is_month_by_slices),
        (contribution, "month_of_date", _month_by_slices),
    ),
    "an amount is what Python makes an integer of": ((forms, "amount", _any_integer),),
    "a number may be any": ((forms, "number", _any_number),),
    "a time may be any": ((forms, "check_time", _any_time),),
    "a word that is not known is none": ((forms, "_word", _unknown_words_are_left_out),),
}
