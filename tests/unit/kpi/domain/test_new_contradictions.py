"""Which change of a work is told to the institutions whose claims contradict each other."""

from __future__ import annotations

from typing import Any

from services.kpi.domain.disagreement import TOLD_MAX, new_contradictions
from services.kpi.domain.work import Claim, Statement, Work
from tests.unit.kpi.builders import TREE, both, claim, said

LEADING = claim("alpha", "s1", since=1, quality="best")
NOTHING = Work()


def work(*statements: tuple[str, Statement]) -> Work:
    return Work(dict(statements))


def other(unit: str = "beta", name: str = "s2", since: int = 2, **facts: Any) -> Claim:
    return claim(unit, name, since=since, **{"quality": "good", **facts})


def told(old: Work, new: Work) -> list[tuple[str, str, list[str]]]:
    return [
        (each.leading.name, each.claim.name, [d.field for d in each.disagreements])
        for each in new_contradictions(old, new, TREE)
    ]


ALONE = work(("s1", both(LEADING)))
JOINED = work(("s1", both(LEADING)), ("s2", both(other())))


def test_a_claim_of_another_institution_that_differs_is_told_once() -> None:
    assert told(ALONE, JOINED) == [("s1", "s2", ["quality"])]
    assert told(JOINED, JOINED) == []


def test_a_claim_that_says_the_same_or_is_of_the_same_institution_is_not_told() -> None:
    assert told(ALONE, work(("s1", both(LEADING)), ("s2", both(other(quality="best"))))) == []
    own = other("alpha/sci", "s2")
    assert told(ALONE, work(("s1", both(LEADING)), ("s2", both(own)))) == []


def test_verifying_what_was_declared_tells_nothing_again() -> None:
    declared = work(("s1", both(LEADING)), ("s2", said(other())))
    assert told(ALONE, declared) == [("s1", "s2", ["quality"])]
    assert told(declared, JOINED) == []


def test_another_word_is_told_with_all_that_differs() -> None:
    more = work(("s1", both(LEADING)), ("s2", both(other(made_on="2024-01-01"), 2)))
    assert told(JOINED, more) == [("s1", "s2", ["made_on", "quality"])]
    assert told(more, JOINED) == [], "what was withdrawn contradicts no longer"


def test_who_leads_from_now_on_is_told_what_the_others_say() -> None:
    earlier = both(other("gamma", "s0", since=0))
    assert told(JOINED, work(*JOINED.statements.items(), ("s0", earlier))) == [
        ("s0", "s1", ["quality"])
    ]


def test_one_change_tells_a_limited_number() -> None:
    many = [(f"t{n}", both(other("beta", f"t{n}", n + 2))) for n in range(TOLD_MAX + 5)]
    agreed = work(("s1", both(claim("alpha", "s1", since=1, quality="good"))), *many)
    assert len(told(agreed, work(("s1", both(LEADING, 2)), *many))) == TOLD_MAX
