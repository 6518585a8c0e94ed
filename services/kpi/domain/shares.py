"""Splits an amount among the claims on a work so that the parts add up exactly."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from services.kpi.domain.tree import UnitTree
from services.kpi.domain.work import Claim

AUTHORS = "unit_authors"
"""Name of the fact with the number of a unit's authors, by which one institution's claims share."""

WHOLE = 720_720
"""Denominator of fractions, 2^4 * 3^2 * 5 * 7 * 11 * 13: exact for up to 16 equal shares."""


def weights(claims: Sequence[Claim], tree: UnitTree) -> list[Fraction]:
    """Return the weight of each claim on a work, in order of the claims; weights add up to 1.

    If every claim declares a share, the declared shares are used. Otherwise the institutions get
    equal weights, and each is divided among its claims in proportion to their numbers of authors (1
    if unknown).

    Source: counting rule `fraction` of the catalogue.
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
    """Split an integer among claims by their `weights`; the parts add up to it exactly.

    What division leaves over is given out by the largest remainder method.

    Args:
        amount: the integer to split, not negative.
        claims: live claims, at least one, in order of precedence; of equal remainders, the first
            claim's wins.
        tree: the unit tree, to find the institution of each claim.

    Returns:
        One part for each claim, in the order of the claims.
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
