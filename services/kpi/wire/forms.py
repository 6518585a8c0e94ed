"""The forms of the values that events state: exactly those of the contract.

Python and SQL read more than the contract allows, each in its own way: `2_25-03-01`, full-width
digits, blanks around a number. A value that two readers understand differently would give two
numbers for one log, so whatever is not exactly of its form is parked (ADR 0058). Numbers are
limited as in the contract. What is accepted here is part of `FOLD_VERSION`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from buf.validate import validate_pb2
from services.kernel.errors import InvalidRecord
from services.kpi.domain.work import Fact
from services.kpi.wire.vocabulary import enum_words

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
AMOUNT = re.compile(r"0|[1-9][0-9]{0,14}")
"""At most 15 digits, so that sums of thousands of amounts fit into 64 bits."""
PPM_MAX = 1_000_000
SECONDS_MIN = -62_135_596_800
"""0001-01-01T00:00:00Z, the earliest time of the contract, in seconds since 1970."""
SECONDS_MAX = 253_402_275_599
"""The end of the year 9999 in Vietnam, in seconds since 1970."""
NANOS_MAX = 999_999_999
SHOWN_CHARACTERS_MAX = 40
"""Maximum number of characters of a value in the reason for which its record is parked."""

Read = Callable[[Any], Fact]
"""Turns the value of a field that is set into a fact; raises `InvalidRecord` for a wrong form."""


def reader(field: FieldDescriptor) -> Read:
    """Return the function that reads the values of a field of facts, as its form demands.

    The form follows from the field's type and name in the contract: words of an enum, days (`_on`),
    amounts (`_vnd`), numbers within limits, flags, texts, or lists of words or texts.
    """
    name = field.name
    if field.enum_type is not None:
        words = enum_words(field)
        if field.is_repeated:
            return lambda values: tuple(_word(name, words, value) for value in values)
        return lambda value: _word(name, words, value)
    if field.is_repeated:
        return lambda values: tuple(values)
    if name.endswith("_vnd"):
        return lambda text: amount(name, text)
    if name.endswith("_on"):
        return lambda text: day(name, text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        low, high = limits(field)
        return lambda value: number(name, value, low, high)
    return lambda value: value


def limits(field: FieldDescriptor) -> tuple[int, int]:
    """Return the lowest and highest value that the contract allows for a number of facts."""
    rules = field.GetOptions().Extensions[validate_pb2.field].int32
    return rules.gte, rules.lte


def day(name: str, text: str) -> str:
    """Return a day of the calendar as it is written, `YYYY-MM-DD`, of the years 0001 to 9999.

    Raises:
        InvalidRecord: the text is not one; the message names the field. The producer's fault.
    """
    if not _is_day(text):
        raise InvalidRecord(f"{name} is not a date YYYY-MM-DD of the calendar: {shown(text)}")
    return text


@lru_cache(maxsize=4096)
def _is_day(text: str) -> bool:
    """Return True for a day `YYYY-MM-DD`. Cached, because a log has few distinct dates."""
    try:
        # The pattern excludes week dates and dates without hyphens, which Python accepts, too.
        return bool(DAY.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def amount(name: str, text: str) -> int:
    """Return an amount, which is written as 1 to 15 digits without leading zeros.

    Raises:
        InvalidRecord: the text is not one; the message names the field. The producer's fault.
    """
    if not AMOUNT.fullmatch(text):
        raise InvalidRecord(f"{name} is not an amount of 1 to 15 digits: {shown(text)}")
    return int(text)


def number(name: str, value: int, low: int, high: int) -> int:
    """Return a number as it is, after checking that it lies within limits.

    Args:
        name: name of its field.
        value: the number.
        low: lowest number that the contract allows.
        high: highest one.

    Raises:
        InvalidRecord: it does not; the message names the field. The producer's fault.
    """
    if not low <= value <= high:
        raise InvalidRecord(f"{name} is not a number from {low} to {high}: {value}")
    return value


def check_time(name: str, time: Timestamp) -> None:
    """Check that a timestamp is a time of the years 0001 to 9999, also in Vietnam.

    Raises:
        InvalidRecord: it is not; the message names the field. The producer's fault.
    """
    if not (SECONDS_MIN <= time.seconds <= SECONDS_MAX and 0 <= time.nanos <= NANOS_MAX):
        raise InvalidRecord(f"{name} is no time: {time.seconds} s and {time.nanos} ns since 1970")


def _word(name: str, words: dict[int, str], value: int) -> str:
    # Enums in proto3 are open, so a later release or faulty client may send any number. A single
    # value is never 0 here, because that is not set.
    if not value or value not in words:
        raise InvalidRecord(f"{name} has no value {value}")
    return words[value]


def shown(text: str) -> str:
    """Return a text as a reason shows it: quoted, in ASCII, and shortened."""
    return ascii(text[:SHOWN_CHARACTERS_MAX]) + ("..." if len(text) > SHOWN_CHARACTERS_MAX else "")
