"""A work: every claim on it, by submission, and which of them leads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from services.kpi.domain.authority import seniority

Fact: TypeAlias = "str | int | bool | tuple[str, ...]"

UNVERIFIED = (1 << 63) - 1
"""Later than every time: what was never verified follows what was."""


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
        verified_ms: when its submission was first verified for the work, in milliseconds;
            `UNVERIFIED` if it is not.
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
        """Sort key of the claims of a work, the first of which leads it; independent of arrival.

        What was verified first leads; of what was never verified, what the best source vouches
        for, and then the oldest. Source: ADR 0025.
        """
        return self.verified_ms, self.rank, seniority(self.name)


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
