"""A work: every claim on it, by submission, and how claims are settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from services.kpi.domain.authority import seniority

Fact: TypeAlias = "str | int | bool | tuple[str, ...]"

REGISTRY_RANK = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of one unit on one work.

    Args:
        name: full name of the submission of the claim.
        unit: number of the claiming unit in the tree.
        is_lead: whether the unit led the work.
        share_ppm: declared share in parts per million; 0 when none is declared.
        rank: who vouches: 1 a registry, 2 a system of record, 3 a person; the smaller wins.
        type: submission type.
        facts: set fields that the catalogue uses; dates as `YYYY-MM-DD`.
    """

    name: str
    unit: int
    is_lead: bool
    share_ppm: int
    rank: int
    type: str
    facts: Mapping[str, Fact]

    @property
    def precedence(self) -> tuple[int, tuple[str, str]]:
        """Sort key by which claims win where they disagree; independent of arrival."""
        return self.rank, seniority(self.name)


@dataclass(frozen=True, slots=True)
class Statement:
    """The newest statement of a submission about a work; retracted if it has neither claim.

    ``source`` is its event, kept for explanations and for decoding it again.
    """

    version: int
    declared: Claim | None = None
    verified: Claim | None = None
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class Work:
    """A work with all statements about it.

    Args:
        statements: full name of a submission -> newest statement; retractions are kept, because a
            late duplicate would restore the claim otherwise.
        contributed: the work's present contribution; derived from the statements.
    """

    statements: Mapping[str, Statement] = field(default_factory=dict)
    contributed: Mapping[Key, int] = field(default_factory=dict)

    def version_of(self, name: str) -> int:
        """Return the newest folded version of a submission of the work; 0 before the first."""
        statement = self.statements.get(name)
        return statement.version if statement else 0


Key: TypeAlias = "int | tuple[int, str]"
"""Key of a contribution: `contribution.number_key`, with the member for distinct counts."""


def effective_date(claims: Sequence[Claim], name: str) -> str:
    """Return the date that determines a work's month; empty if no claim has it.

    A registry's date wins; otherwise the earliest of the live claims. Source: design.md, section 5.
    """
    if len(claims) == 1:
        only = claims[0].facts.get(name)
        return only if isinstance(only, str) else ""
    registry: list[tuple[tuple[int, tuple[str, str]], str]] = []
    dates: list[str] = []
    for claim in claims:
        date = claim.facts.get(name)
        if isinstance(date, str) and date:
            dates.append(date)
            if claim.rank == REGISTRY_RANK:
                registry.append((claim.precedence, date))
    if registry:
        return min(registry)[1]
    return min(dates, default="")


def settled(claims: list[Claim], name: str) -> Fact | None:
    """Return the settled fact of a work whose claims may disagree; None if no claim has it.

    Args:
        claims: live claims in order of precedence.
        name: field of the facts.
    """
    for claim in claims:
        value = claim.facts.get(name)
        if value is not None:
            return value
    return None
