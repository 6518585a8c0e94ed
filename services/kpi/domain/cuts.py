"""Cuts that split a number by terms. A work counts under every term that its facts name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.kpi.domain.work import Fact

UNCLASSIFIED = "unclassified"
"""Term for works that name none, so that the terms cover every work."""

SEPARATOR = "|"
"""Separates term and member in the cells of a distinct count; never occurs in a term."""


@dataclass(frozen=True, slots=True)
class Days:
    """Validity of a term or link: first and last day, `YYYY-MM-DD`; empty for no limit."""

    first: str = ""
    last: str = ""

    def hold(self, date: str) -> bool:
        """Return True if a day is within the validity."""
        return self.first <= date and (not self.last or date <= self.last)


@dataclass(frozen=True, slots=True)
class Cut:
    """One way to split a number by a fact of its works.

    Args:
        name: code of the taxonomy, or field of the facts.
        fact: field that names the terms.
        terms: term -> days it is used; None when every value of the field is a term.
        standing_in: field to use instead where `fact` names no term; empty for none.
        links: term of that field -> term of this cut, and the link's validity.
        otherwise: term of works that name none, e.g. `false` of a flag.
    """

    name: str
    fact: str
    terms: Mapping[str, Days] | None = None
    standing_in: str = ""
    links: Mapping[str, tuple[tuple[str, Days], ...]] = field(default_factory=dict)
    otherwise: str = UNCLASSIFIED

    def fields(self) -> set[str]:
        """Return the facts that the cut uses."""
        return {self.fact, self.standing_in} - {""}

    def terms_of(self, get: Callable[[str], Fact | None], date: str) -> list[str]:
        """Return the terms of the cut under which a work counts, in order; at least one.

        Args:
            get: returns a fact of the work, None if it is not set.
            date: the work's date, on which terms and links must be in use.
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
