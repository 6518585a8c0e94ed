"""Reproducible choices and made-up identifiers whose check digits are right.

Only ``Random.random`` is used: of all methods it alone promises the same numbers on every Python.
"""

from __future__ import annotations

import datetime
import hashlib
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from stdnum import issn as stdnum_issn
from stdnum.iso7064 import mod_11_2
from stdnum.vn import mst

Item = TypeVar("Item")


class Dice:
    """A source of choices that gives the same ones for the same seed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self._random.random() * (high - low + 1))

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases."""
        return self._random.random() * 100 < percent

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, all equally likely."""
        return items[self.between(0, len(items) - 1)]

    def weighted(self, weights: Mapping[str, int]) -> str:
        """One of the keys, as likely as its weight."""
        ticket = self.between(1, sum(weights.values()))
        for key, weight in weights.items():
            ticket -= weight
            if ticket <= 0:
                return key
        raise AssertionError("a ticket is never higher than the sum of the weights")

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """The items in another order (Fisher and Yates)."""
        mixed = list(items)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.between(0, last)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed

    def day(self, first: str, last: str) -> str:
        """A calendar date from first to last, both included."""
        start, end = (datetime.date.fromisoformat(day) for day in (first, last))
        return (start + datetime.timedelta(days=self.between(0, (end - start).days))).isoformat()

    def dong(self, low_millions: int, high_millions: int) -> str:
        """An amount in whole dong; one in five is not a round number."""
        amount = self.between(low_millions, high_millions) * 1_000_000
        return str(amount + (self.between(1, 999_999) if self.chance(20) else 0))


def days_before(day: str, days: int) -> str:
    """The date so many days before."""
    return (datetime.date.fromisoformat(day) - datetime.timedelta(days=days)).isoformat()


def tax_code(prefix: str, serial: int) -> str:
    """A tax code that nobody has: no province has a prefix from 97 on.

    Of eleven sequences one has no check digit, so a serial leads to the next sequence that has one.
    """
    for step in range(9):
        body = f"{prefix}{serial * 10 + 1 + step:07d}"
        code = body + mst.calc_check_digit(body)
        if mst.is_valid(code):
            return code
    raise AssertionError("nine sequences in a row without a check digit")


def orcid(serial: int) -> str:
    """An id with the check digit of an ORCID, in a block that ORCID does not give out."""
    body = f"0099{serial:011d}"
    digits = body + mod_11_2.calc_check_digit(body)
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def issn(serial: int) -> str:
    """An ISSN with a valid check digit, from the end of the number range."""
    body = f"{9_990_000 + serial:07d}"
    return stdnum_issn.format(body + stdnum_issn.calc_check_digit(body))


def sha256(text: str) -> str:
    """The SHA-256 of a text in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
