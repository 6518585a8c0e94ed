"""Conditions of indicators: tests that a work must pass to count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from services.kpi.domain.work import Fact


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a fact: any_of, none_of, present, at_least, within or minimum.

    Args:
        field: fact that is tested.
        test: name of the test.
        values: of any_of and none_of.
        bound: of at_least and minimum, 0 or 1 of present, days of within.
        after: of within, the field of the date to count from.
        bounds: of minimum, (type, bound) for types with another bound than `bound`.
    """

    field: str
    test: str
    values: frozenset[str] = frozenset()
    bound: int = 0
    after: str = ""
    bounds: tuple[tuple[str, int], ...] = ()

    def holds(self, get: Callable[[str], Fact | None]) -> bool:
        """Return True if a work meets the condition; an unset fact is None or empty."""
        fact, test = get(self.field), self.test
        # Most tested facts are texts, and the fold tests about ten of every work.
        if test == "any_of" and isinstance(fact, str):
            return fact in self.values and fact != ""
        is_set = fact is not None and fact != "" and fact != ()
        if test == "present":
            return is_set == bool(self.bound)
        if test == "at_least":
            size = fact if isinstance(fact, int) else len(fact) if isinstance(fact, tuple) else 0
            return size >= self.bound
        if test == "within":
            day, begin = _day(fact), _day(get(self.after))
            return day is not None and begin is not None and day <= begin + self.bound
        items = fact if isinstance(fact, tuple) else (_text(fact),) if is_set else ()
        is_one = not self.values.isdisjoint(items)
        return is_one if test == "any_of" else not is_one

    def of_type(self, type_name: str) -> Condition:
        """Return the condition for works of one type."""
        if self.test != "minimum":
            return self
        bound = dict(self.bounds).get(type_name, self.bound)
        return Condition(self.field, "at_least", bound=bound)


def _text(fact: Fact | None) -> str:
    return str(fact).lower() if isinstance(fact, bool) else str(fact)


@lru_cache(maxsize=4096)
def _day(fact: Fact | None) -> int | None:
    """Return the number of a calendar day in a condition; None for an invalid date.

    Cached: a log has few distinct days, and every work is tested on some.
    """
    try:
        return date.fromisoformat(fact).toordinal() if isinstance(fact, str) else None
    except ValueError:
        return None
