"""Conditions of indicators: tests that a work must pass to count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from services.kpi.domain.work import Fact


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one fact of a work.

    Args:
        field: name of the fact that is tested.
        test: one of `any_of`, `none_of`, `present`, `at_least`, `within` and `minimum`.
        values: the values that `any_of` accepts or `none_of` excludes.
        bound: lowest value of `at_least` and `minimum`; for `present`, 1 if the fact must be set
            and 0 if it must not; for `within`, the maximum number of days after the date in
            `after`.
        after: for `within`, name of the date fact from which the days are counted.
        bounds: for `minimum`, (submission type, bound) for each type whose bound is not `bound`.
    """

    field: str
    test: str
    values: frozenset[str] = frozenset()
    bound: int = 0
    after: str = ""
    bounds: tuple[tuple[str, int], ...] = ()

    def holds(self, get: Callable[[str], Fact | None]) -> bool:
        """Return True if a work meets the condition.

        `at_least` compares an integer itself and a list by its length. A missing fact meets only
        `none_of`, `present` with bound 0, and `at_least` with a bound of at most 0.

        Args:
            get: returns the fact of a given name; None or empty if the work does not have it.
        """
        fact, test = get(self.field), self.test
        # The most frequent case first: most facts are text, and a fold tests about ten per work.
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
        """Return the condition for works of one submission type.

        A `minimum` becomes `at_least` with the bound of that type; other tests are returned
        unchanged.
        """
        if self.test != "minimum":
            return self
        bound = dict(self.bounds).get(type_name, self.bound)
        return Condition(self.field, "at_least", bound=bound)


def _text(fact: Fact | None) -> str:
    return str(fact).lower() if isinstance(fact, bool) else str(fact)


@lru_cache(maxsize=4096)
def _day(fact: Fact | None) -> int | None:
    """Return the ordinal of a calendar date `YYYY-MM-DD`; None if the fact is not a valid date.

    Cached, because every work is tested for dates and a log has few distinct ones.
    """
    try:
        return date.fromisoformat(fact).toordinal() if isinstance(fact, str) else None
    except ValueError:
        return None
