"""Contradictions between the claims on one work, which readers see as a mark on the number.

Nothing here changes a number: a unit that joins a work accepts its facts as they are, and may
contest them (ADR 0025).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.kpi.domain.catalogue import EVIDENCE, REPORTED
from services.kpi.domain.shares import AUTHORS
from services.kpi.domain.tree import UnitTree
from services.kpi.domain.work import Claim, Fact, Work

ALL_PPM = 1_000_000
TOLD_MAX = 20
OF_THE_CLAIM = frozenset({EVIDENCE, REPORTED, AUTHORS})
"""Names of facts that may differ between the claims on one work without contradiction."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One fact or attribute on which a claim disagrees with the leading claim on the same work.

    Args:
        claim: the claim that disagrees.
        leading: the leading claim.
        field: name of the fact or attribute.
        said: what the claim states, as text; empty for nothing.
        counts: what counts instead, as text; empty for nothing.
    """

    claim: Claim
    leading: Claim
    field: str
    said: str
    counts: str

    @property
    def words(self) -> tuple[str, str, str]:
        """(field, claim's statement, what counts instead), by which disagreements are compared."""
        return self.field, self.said, self.counts


@dataclass(frozen=True, slots=True)
class Contradiction:
    """All disagreements of a claim with the leading claim of another institution on the same work.

    Args:
        leading: the leading claim.
        claim: the claim that disagrees.
        disagreements: at least one; those of both measures, each once.
    """

    leading: Claim
    claim: Claim
    disagreements: tuple[Disagreement, ...]


def contradicted_measures(work: Work) -> tuple[bool, bool]:
    """Return whether the claims on a work contradict each other: (as declared, as verified).

    With fewer than two claims in a measure there is no contradiction in it.
    """
    declared, verified = (bool(disagreements(claims_of(work, measure))) for measure in (0, 1))
    return declared, verified


def new_contradictions(old: Work, new: Work, tree: UnitTree) -> list[Contradiction]:
    """Return the contradictions between institutions that arose from a change of a work.

    Those within one institution, and disagreements that only move from one measure to the other,
    are left out. At most `TOLD_MAX` are returned, because one change of the leading claim may
    contradict any number of others.

    Args:
        old: the work before the change.
        new: the work after the change.
        tree: the unit tree, to find the institutions.
    """
    if len(new.statements) < 2:
        return []
    known = _between_institutions(old, tree)
    found_now = [
        Contradiction(found[0].leading, found[0].claim, tuple(found))
        for pair, found in _between_institutions(new, tree).items()
        if not {each.words for each in found} <= {each.words for each in known.get(pair, ())}
    ]
    return found_now[:TOLD_MAX]


def _between_institutions(work: Work, tree: UnitTree) -> dict[tuple[str, str], list[Disagreement]]:
    """Return (name of the leading claim, name of the other) -> disagreements in any measure."""
    between: dict[tuple[str, str], dict[tuple[str, str, str], Disagreement]] = {}
    for measure in (1, 0):
        for each in disagreements(claims_of(work, measure)):
            if tree.institution[each.claim.unit] != tree.institution[each.leading.unit]:
                pair = each.leading.name, each.claim.name
                between.setdefault(pair, {}).setdefault(each.words, each)
    return {pair: list(found.values()) for pair, found in between.items()}


def claims_of(work: Work, measure: int) -> list[Claim]:
    """Return the claims on a work in one measure, the leading one first; empty without any.

    Args:
        work: the work.
        measure: 0 declared, 1 verified.
    """
    said = (s.verified if measure else s.declared for s in work.statements.values())
    return sorted((c for c in said if c is not None), key=lambda claim: claim.precedence)


def disagreements(claims: Sequence[Claim]) -> list[Disagreement]:
    """Return each point on which claims on one work contradict each other; empty if they agree.

    Compared with the leading claim are type, facts and part; declared shares must add up to 1.

    Args:
        claims: all claims on the work in one measure, the leading one first.
    """
    if len(claims) < 2:
        return []
    leading = claims[0]
    found = [each for claim in claims[1:] for each in _of_facts(claim, leading)]
    counting = [claim for claim in claims if claim.type == leading.type]
    leads = [claim for claim in counting if claim.is_lead]
    found += [Disagreement(claim, leading, "part", "lead", "member") for claim in leads[1:]]
    total = sum(claim.share_ppm for claim in counting)
    is_whole = all(claim.share_ppm for claim in counting)
    if len(counting) > 1 and total and not (is_whole and total == ALL_PPM):
        last = [claim for claim in counting if claim.share_ppm][-1]
        found.append(Disagreement(last, leading, "share_ppm", str(total), str(ALL_PPM)))
    return found


def _of_facts(claim: Claim, leading: Claim) -> Iterator[Disagreement]:
    if claim.type != leading.type:
        yield Disagreement(claim, leading, "type", claim.type, leading.type)
        return
    for name in sorted({*claim.facts, *leading.facts} - OF_THE_CLAIM):
        said, counts = claim.facts.get(name), leading.facts.get(name)
        if said != counts:
            yield Disagreement(claim, leading, name, fact_text(said), fact_text(counts))


def fact_text(fact: Fact | None) -> str:
    """Return a fact as text for people, e.g. `true` or `a, b`; empty for None."""
    if fact is None:
        return ""
    if isinstance(fact, tuple):
        return ", ".join(map(str, fact))
    return str(fact).lower() if isinstance(fact, bool) else str(fact)
