"""Which claim wins where the claims on a work disagree."""

from __future__ import annotations

from services.kpi.domain.work import Statement, Work, effective_date, settled
from tests.unit.kpi.builders import claim

REGISTRY, SYSTEM, PERSON = 1, 2, 3


def test_the_date_of_a_registry_wins_over_an_earlier_one() -> None:
    early = claim("alpha", "s1", rank=PERSON, made_on="2025-01-31")
    vouched = claim("beta", "s2", rank=REGISTRY, made_on="2025-04-01")
    assert effective_date([vouched, early], "made_on") == "2025-04-01"


def test_the_earliest_date_counts_where_no_registry_vouches() -> None:
    late = claim("alpha", "s1", rank=SYSTEM, made_on="2025-04-01")
    early = claim("beta", "s2", rank=PERSON, made_on="2025-01-31")
    assert effective_date([late, early], "made_on") == "2025-01-31"


def test_a_registry_that_names_no_date_decides_nothing() -> None:
    silent = claim("alpha", "s1", rank=REGISTRY, made_on=None)
    dated = claim("beta", "s2", made_on="2025-02-01")
    assert effective_date([silent, dated], "made_on") == "2025-02-01"
    assert effective_date([silent], "made_on") == ""
    assert effective_date([], "made_on") == ""


def test_a_fact_is_that_of_the_first_claim_that_has_it() -> None:
    first = claim("alpha", "s1", rank=REGISTRY, title="one")
    second = claim("beta", "s2", rank=PERSON, title="two", trl=0)
    assert settled([first, second], "title") == "one"
    assert settled([first, second], "trl") == 0
    assert settled([first, second], "doi") is None


def test_precedence_is_by_who_vouches_whatever_came_first() -> None:
    person = claim("alpha", "s1", rank=PERSON)
    registry = claim("beta", "s9", rank=REGISTRY)
    assert sorted([person, registry], key=lambda each: each.precedence) == [registry, person]


def test_a_retraction_has_a_version_and_an_unknown_submission_has_none() -> None:
    work = Work({"s1": Statement(3)})
    assert (work.version_of("s1"), work.version_of("s2")) == (3, 0)
