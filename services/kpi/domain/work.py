"""What is known of one work: every claim on it, by submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Fact: TypeAlias = "str | int | bool | tuple[str, ...]"

REGISTRY_RANK = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """What one unit claims of one work.

    Args:
        submission_id: submission that claims.
        unit: number of the claiming unit in the tree.
        is_lead: whether the unit led the work.
        share_ppm: declared share in parts per million; 0 when none is declared.
        rank: who vouches: 1 a registry, 2 a system of record, 3 a person; the smaller wins.
        type: submission type.
        facts: fields that the catalogue asks for and that are set; dates as `YYYY-MM-DD`.
    """

    submission_id: str
    unit: int
    is_lead: bool
    share_ppm: int
    rank: int
    type: str
    facts: Mapping[str, Fact]

    @property
    def precedence(self) -> tuple[int, str]:
        """Order in which claims win where they disagree; ignores when they arrived."""
        return self.rank, self.submission_id


@dataclass(frozen=True, slots=True)
class Statement:
    """The newest thing a submission said about a work; neither claim means that it was retracted.

    ``source`` is the event it was said in, kept for explanations and for reading it again.
    """

    version: int
    declared: Claim | None = None
    verified: Claim | None = None
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class Work:
    """Everything known of one work.

    Args:
        statements: submission id -> newest statement; retractions stay for ever, or a late
            duplicate would bring the claim back.
        contributed: what the work adds to the view now; derived from the statements.
    """

    statements: Mapping[str, Statement] = field(default_factory=dict)
    contributed: Mapping[Key, int] = field(default_factory=dict)

    def version_of(self, submission_id: str) -> int:
        """Return the newest version heard of a submission; 0 before the first."""
        statement = self.statements.get(submission_id)
        return statement.version if statement else 0


Key: TypeAlias = "int | tuple[int, str]"
"""Key of a contribution: `cells.number_key`, with the member for distinct counts."""


def effective_date(claims: Sequence[Claim], name: str) -> str:
    """Return the one date that puts a work into a month; empty when no claim has it.

    A registry's date wins; otherwise the earliest of the live claims. Source: design.md, section 5.
    """
    if len(claims) == 1:
        only = claims[0].facts.get(name)
        return only if isinstance(only, str) else ""
    registry: list[tuple[tuple[int, str], str]] = []
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
    """Return the fact that holds where claims may disagree; None when no claim has it.

    Args:
        claims: live claims in order of precedence.
        name: field of the facts.
    """
    for claim in claims:
        value = claim.facts.get(name)
        if value is not None:
            return value
    return None
