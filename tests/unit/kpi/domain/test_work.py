"""Which claim leads a work."""

from __future__ import annotations

import random

from services.kpi.domain.work import Statement, Work
from tests.unit.kpi.builders import claim

REGISTRY, SYSTEM, PERSON = 1, 2, 3


def test_what_was_verified_first_leads_then_the_best_source_then_the_oldest() -> None:
    ordered = [
        claim("alpha", "alpha.0199", rank=PERSON, since=1_000),
        claim("beta", "beta.0198", rank=REGISTRY, since=2_000),
        claim("gamma", "gamma.0197", rank=SYSTEM, since=2_000),
        claim("beta", "beta.0199", rank=REGISTRY),
        claim("gamma", "gamma.0190", rank=SYSTEM),
        claim("beta", "beta.0191", rank=PERSON),
        claim("alpha", "alpha.0192", rank=PERSON),
    ]
    mixed = random.Random(1).sample(ordered, len(ordered))
    assert mixed != ordered
    assert sorted(mixed, key=lambda each: each.precedence) == ordered


def test_a_retraction_has_a_version_and_an_unknown_submission_has_none() -> None:
    work = Work({"s1": Statement(3)})
    assert (work.version_of("s1"), work.version_of("s2")) == (3, 0)
