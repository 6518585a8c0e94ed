"""A work: what every submission states about it, and which claim leads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from services.kpi.domain.authority import seniority

Fact: TypeAlias = "str | int | bool | tuple[str, ...]"

UNVERIFIED = (1 << 63) - 1
"""Value of `Claim.verified_ms` without a verification; later than any time, so it sorts last."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim of one unit on one work.

    Args:
        name: full name of the submission that makes the claim.
        unit: number of the claiming unit in the tree.
        is_lead: whether the unit led the work.
        share_ppm: declared share in parts per million; 0 if none is declared.
        rank: who vouches for the claim: 1 a registry, 2 a system of record, 3 a person; the lowest
            wins.
        type: submission type.
        facts: name of a fact that the catalogue uses -> value; unset ones are left out, and dates
            are `YYYY-MM-DD`.
        verified_ms: when the submission was first verified for this work, in milliseconds since
            1970; `UNVERIFIED` if it never was.
    """

    name: str
    unit: int
    is_lead: bool
    share_ppm: int
    rank: int
    type: str
    facts: Mapping[str, Fact]
    verified_ms: int = UNVERIFIED

    @property
    def precedence(self) -> tuple[int, int, tuple[str, str]]:
        """Sort key of the claims on a work, the first of which leads it.

        The claim that was verified first leads. Claims that were never verified follow, by rank and
        then by age. The order in which events arrive has no influence. Source: ADR 0025.
        """
        return self.verified_ms, self.rank, seniority(self.name)


@dataclass(frozen=True, slots=True)
class Statement:
    """What the newest event of a submission says about a work: what is declared, and verified.

    Args:
        version: version of the submission, from 1.
        declared: the claim as declared; None if it was retracted.
        verified: the claim as verified; None if it is not verified.
        source: the encoded event, kept for explanations and for decoding it again.
    """

    version: int
    declared: Claim | None = None
    verified: Claim | None = None
    source: bytes = b""


@dataclass(frozen=True, slots=True)
class Work:
    """A work with all statements about it.

    Args:
        statements: full name of a submission -> its newest statement. Retractions are kept, because
            a late duplicate would otherwise restore the claim.
        contributed: the work's contribution, derived from the statements: key of a cell -> amount.
    """

    statements: Mapping[str, Statement] = field(default_factory=dict)
    contributed: Mapping[Key, int] = field(default_factory=dict)

    def version_of(self, name: str) -> int:
        """Return the newest folded version of a submission about this work; 0 if it is unknown."""
        statement = self.statements.get(name)
        return statement.version if statement else 0


Key: TypeAlias = "int | tuple[int, str]"
"""Key of a cell in a contribution: the integer of `number_key`, with the member if distinct."""
