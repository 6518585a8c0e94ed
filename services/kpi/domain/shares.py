"""Splits an amount among the claims of a work so that the parts add up exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from services.kpi.domain.tree import UnitTree
from services.kpi.domain.work import Claim

AUTHORS = "unit_authors"
"""Name of the fact by which claims of one institution share."""

WHOLE = 720_720
"""Denominator of fractions, 2^4 * 3^2 * 5 * 7 * 11 * 13: exact for up to 16 equal shares."""


def weights(claims: Sequence[Claim], tree: UnitTree) -> list[Fraction]:
    """Return the weight of each claim of a work; weights add up to 1.

    Declared shares count when every claim declares one. Otherwise institutions share equally, and
    within an institution claims share by their authors (1 when unknown).

    Source: catalogue, counting rule FRACTION.
    """
    if all(claim.share_ppm for claim in claims):
        total = sum(claim.share_ppm for claim in claims)
        return [Fraction(claim.share_ppm, total) for claim in claims]
    authors: dict[int | None, int] = {}
    for claim in claims:
        institution = tree.institution[claim.unit]
        authors[institution] = authors.get(institution, 0) + _authors(claim)
    return [
        Fraction(_authors(claim), authors[tree.institution[claim.unit]] * len(authors))
        for claim in claims
    ]


def split(amount: int, claims: Sequence[Claim], tree: UnitTree) -> list[int]:
    """Split a whole number among claims by largest remainder; the parts add up exactly.

    Args:
        amount: what to split, from 0.
        claims: live claims in order of precedence; ties go to the first.
        tree: finds the institution of a claim.

    Returns:
        One part per claim, in the order of the claims.
    """
    if len(claims) == 1:
        return [amount]
    exact = [weight * amount for weight in weights(claims, tree)]
    parts = [int(part) for part in exact]
    by_remainder = sorted(range(len(claims)), key=lambda i: (parts[i] - exact[i], i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return parts


def _authors(claim: Claim) -> int:
    authors = claim.facts.get(AUTHORS, 1)
    return authors if isinstance(authors, int) and authors > 0 else 1
