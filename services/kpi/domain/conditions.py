"""Conditions: tests that a work has to pass to count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from services.kpi.domain.work import Fact


@dataclass(frozen=True, slots=True)
class Condition:
    """One test on a fact: any_of, none_of, present, at_least, within or minimum.

    Args:
        field: fact that is tested.
        test: name of the test.
        values: of any_of and none_of.
        bound: of at_least and minimum, 0 or 1 of present, days of within.
        after: of within, the date to count from.
        bounds: of minimum, (type, bound) of the types that `bound` is not for.
    """

    field: str
    test: str
    values: frozenset[str] = frozenset()
    bound: int = 0
    after: str = ""
    bounds: tuple[tuple[str, int], ...] = ()

    def holds(self, get: Callable[[str], Fact | None]) -> bool:
        """Tell whether a work passes; an unset fact is None, an empty text or an empty list."""
        fact, test = get(self.field), self.test
        # Texts are most of what is tested, and the fold tests some ten facts of every work.
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
        """Return the test that works of one type have to pass."""
        if self.test != "minimum":
            return self
        bound = dict(self.bounds).get(type_name, self.bound)
        return Condition(self.field, "at_least", bound=bound)


def _text(fact: Fact | None) -> str:
    return str(fact).lower() if isinstance(fact, bool) else str(fact)


@lru_cache(maxsize=4096)
def _day(fact: Fact | None) -> int | None:
    """Return the number of a calendar day; None for what is none, which only bad senders send.

    Remembered: a log has few days, and every work is asked for some.
    """
    try:
        return date.fromisoformat(fact).toordinal() if isinstance(fact, str) else None
    except ValueError:
        return None
