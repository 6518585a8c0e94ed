"""Where claims on a work contradict the one that leads it."""

from __future__ import annotations

from typing import Any

import pytest

from services.kpi.domain.disagreement import claims_of, disagreements
from services.kpi.domain.work import Work
from tests.unit.kpi.builders import claim, said

FIRST = claim("alpha", "s1", since=1, quality="best", lead=True)
LATER: dict[str, tuple[dict[str, Any], list[tuple[str, str, str]]]] = {
    "the same": ({"quality": "best"}, []),
    "its own authors and proofs": ({"quality": "best", "unit_authors": 4, "evidence": 2}, []),
    "another fact": ({"quality": "good"}, [("quality", "good", "best")]),
    "a fact that does not count": (
        {"quality": "best", "fields": ("ai", "quantum")},
        [("fields", "ai, quantum", "")],
    ),
    "no such fact": ({}, [("quality", "", "best")]),
    "another type": ({"type": "other"}, [("type", "other", "thing")]),
    "a second lead": ({"quality": "best", "lead": True}, [("part", "lead", "member")]),
    "more than everything": (
        {"quality": "best", "share": 1_000_001},
        [("share_ppm", "1000001", "1000000")],
    ),
}


@pytest.mark.parametrize(("facts", "expected"), LATER.values(), ids=LATER)
def test_what_a_later_claim_says_otherwise_is_told(
    facts: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    later = claim("beta", "s0", **{"since": 2, **facts})
    work = Work({"s0": said(later, later), "s1": said(FIRST, FIRST), "s2": said(None)})
    for measure in (0, 1):
        found = disagreements(claims_of(work, measure))
        assert [(each.field, each.said, each.counts) for each in found] == expected
        assert all(each.claim is later for each in found)


def test_shares_that_are_no_whole_or_not_of_all_are_told() -> None:
    claims = [claim("alpha", "s1", share=300_000), claim("beta", "s2", share=600_000)]
    (found,) = disagreements(claims)
    assert (found.field, found.said) == ("share_ppm", "900000")
    (found,) = disagreements([*claims, claim("gamma", "s3")])
    assert (found.claim, found.said, found.counts) == (claims[1], "900000", "1000000")
    whole = [claim("alpha", "s1", share=400_000), claim("beta", "s2", share=600_000)]
    assert disagreements(whole) == []
    assert [each.field for each in disagreements([*whole, claim("gamma", "s3")])] == ["share_ppm"]
    assert disagreements([claim("alpha", "s1"), claim("beta", "s2")]) == []


def test_one_claim_contradicts_no_other() -> None:
    assert disagreements([FIRST]) == disagreements([]) == []
