"""Where claims on one work contradict the claim that leads it; the mark on the number.

Nothing here changes a number: who joins a work takes it as it is, and may contest it (ADR 0025).
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
"""Facts that each claim has for itself."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A claim, the leading one, the field, what it says and what counts; empty for nothing."""

    claim: Claim
    leading: Claim
    field: str
    said: str
    counts: str

    @property
    def words(self) -> tuple[str, str, str]:
        """Field, what is said and what counts."""
        return self.field, self.said, self.counts


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A claim of another institution than that of the leading claim, and all that it contradicts.

    ``disagreements`` are of both measures, each once, and at least one.
    """

    leading: Claim
    claim: Claim
    disagreements: tuple[Disagreement, ...]


def contradicted_measures(work: Work) -> tuple[bool, bool]:
    """Return whether claims on a work contradict each other, as declared and as verified."""
    declared, verified = (bool(disagreements(claims_of(work, measure))) for measure in (0, 1))
    return declared, verified


def new_contradictions(old: Work, new: Work, tree: UnitTree) -> list[Contradiction]:
    """Return the contradictions between institutions that a change of a work made.

    What only moves from one measure to the other is not new. At most `TOLD_MAX`: one change of
    the leading claim may contradict any number of others.

    Args:
        old: the work before.
        new: the work after.
        tree: the unit tree, which knows the institutions.
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
    """Return, by names of the leading and the other claim, what they disagree on in any measure."""
    between: dict[tuple[str, str], dict[tuple[str, str, str], Disagreement]] = {}
    for measure in (1, 0):
        for each in disagreements(claims_of(work, measure)):
            if tree.institution[each.claim.unit] != tree.institution[each.leading.unit]:
                pair = each.leading.name, each.claim.name
                between.setdefault(pair, {}).setdefault(each.words, each)
    return {pair: list(found.values()) for pair, found in between.items()}


def claims_of(work: Work, measure: int) -> list[Claim]:
    """Return the claims on a work in a measure, the leading one first; 0 declared, 1 verified."""
    said = (s.verified if measure else s.declared for s in work.statements.values())
    return sorted((c for c in said if c is not None), key=lambda claim: claim.precedence)


def disagreements(claims: Sequence[Claim]) -> list[Disagreement]:
    """Return what contradicts the leading claim, in order of the claims.

    Args:
        claims: all claims on a work in one measure, the leading one first.
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
    """Return a fact as people read it; empty for none."""
    if fact is None:
        return ""
    if isinstance(fact, tuple):
        return ", ".join(map(str, fact))
    return str(fact).lower() if isinstance(fact, bool) else str(fact)
