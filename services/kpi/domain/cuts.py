"""Cuts, which split a number by terms such as fields of science.

A work counts under every term that its facts name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.kpi.domain.work import Fact

UNCLASSIFIED = "unclassified"
"""Term of works whose facts name no term, so that the terms together cover every work."""

SEPARATOR = "|"
"""Separator of term and member in the cells of a distinct count; no term contains it."""


@dataclass(frozen=True, slots=True)
class Days:
    """First and last day on which a term or link is valid, `YYYY-MM-DD`; empty for no limit."""

    first: str = ""
    last: str = ""

    def hold(self, date: str) -> bool:
        """Return True if the term or link is valid on a date `YYYY-MM-DD`, both limits included."""
        return self.first <= date and (not self.last or date <= self.last)


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to split a number by a fact of its works.

    Args:
        name: name of the cut: code of the taxonomy, or name of the fact.
        fact: name of the fact that holds the terms.
        terms: term -> days on which it is valid; None if every value of the fact is a term.
        standing_in: name of the fact to use instead where `fact` is not set; empty for none.
        links: value of the `standing_in` fact -> terms of this cut, each with the days on which the
            link is valid.
        otherwise: term of works whose facts name no term, e.g. `false` for a flag.
    """

    name: str
    fact: str
    terms: Mapping[str, Days] | None = None
    standing_in: str = ""
    links: Mapping[str, tuple[tuple[str, Days], ...]] = field(default_factory=dict)
    otherwise: str = UNCLASSIFIED

    def fields(self) -> set[str]:
        """Return the names of the facts that the cut reads."""
        return {self.fact, self.standing_in} - {""}

    def terms_of(self, get: Callable[[str], Fact | None], date: str) -> list[str]:
        """Return the terms of the cut under which a work counts, sorted.

        If none is named and valid, it is the one term ``otherwise``.

        Args:
            get: returns the fact of a given name; None if the work does not have it.
            date: date of the work; terms and links must be valid on it.
        """
        named = _values(get(self.fact))
        if not named and self.standing_in:
            meant = (self.links.get(value, ()) for value in _values(get(self.standing_in)))
            named = [term for pairs in meant for term, days in pairs if days.hold(date)]
        if self.terms is not None:
            named = [term for term in named if term in self.terms and self.terms[term].hold(date)]
        return sorted(set(named)) or [self.otherwise]


def _values(fact: Fact | None) -> list[str]:
    if fact is None:
        return []
    items = fact if isinstance(fact, tuple) else (fact,)
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items if item]
