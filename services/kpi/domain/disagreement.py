"""Contradictions between the claims on one work, which readers see as a mark on the number.

Nothing here changes a number: a unit that joins a work accepts its facts as they are, and may
contest them (ADR 0025).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.kpi.domain.catalogue import EVIDENCE, REPORTED
from services.kpi.domain.shares import AUTHORS
from services.kpi.domain.work import Claim, Fact, Work

ALL_PPM = 1_000_000
OF_THE_CLAIM = frozenset({EVIDENCE, REPORTED, AUTHORS})
"""Names of facts that may differ between the claims on one work without contradiction."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One contradiction between a claim and the leading claim on the same work.

    Args:
        claim: the claim that contradicts.
        field: name of the fact or attribute concerned.
        said: what this claim states, as text; empty for nothing.
        counts: what counts instead, as text; empty for nothing.
    """

    claim: Claim
    field: str
    said: str
    counts: str


def claims_of(work: Work, measure: int) -> list[Claim]:
    """Return the claims on a work in one measure, the leading one first.

    Args:
        work: the work.
        measure: 0 declared, 1 verified.
    """
    said = (s.verified if measure else s.declared for s in work.statements.values())
    return sorted((c for c in said if c is not None), key=lambda claim: claim.precedence)


def disagreements(claims: Sequence[Claim]) -> list[Disagreement]:
    """Return all contradictions between claims on one work; empty if they agree.

    Args:
        claims: all claims on the work in one measure, the leading one first.
    """
    if len(claims) < 2:
        return []
    leading = claims[0]
    found = [each for claim in claims[1:] for each in _of_facts(claim, leading)]
    counting = [claim for claim in claims if claim.type == leading.type]
    leads = [claim for claim in counting if claim.is_lead]
    found += [Disagreement(claim, "part", "lead", "member") for claim in leads[1:]]
    total = sum(claim.share_ppm for claim in counting)
    is_whole = all(claim.share_ppm for claim in counting)
    if len(counting) > 1 and (total > ALL_PPM or (is_whole and total != ALL_PPM)):
        last = [claim for claim in counting if claim.share_ppm][-1]
        found.append(Disagreement(last, "share_ppm", str(total), str(ALL_PPM)))
    return found


def _of_facts(claim: Claim, leading: Claim) -> Iterator[Disagreement]:
    if claim.type != leading.type:
        yield Disagreement(claim, "type", claim.type, leading.type)
        return
    for name in sorted({*claim.facts, *leading.facts} - OF_THE_CLAIM):
        said, counts = claim.facts.get(name), leading.facts.get(name)
        if said != counts:
            yield Disagreement(claim, name, fact_text(said), fact_text(counts))


def fact_text(fact: Fact | None) -> str:
    """Return a fact as text for people, e.g. `true` or `a, b`; empty for None."""
    if fact is None:
        return ""
    if isinstance(fact, tuple):
        return ", ".join(map(str, fact))
    return str(fact).lower() if isinstance(fact, bool) else str(fact)
