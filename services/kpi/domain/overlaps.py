"""Overlaps: how many works units have in common, from the exact sets of joint claimants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations

Units = tuple[str, ...]
"""Ids of units that share works, in order."""


def common(sets: Mapping[Units, int], size: int) -> dict[Units, int]:
    """Return how many works each ``size`` units have in common, further claimants allowed.

    Args:
        sets: exact set of units -> works that exactly these claim.
        size: number of units to compare.
    """
    found: Counter[Units] = Counter()
    for units, works in sets.items():
        for several in combinations(units, size):
            found[several] += works
    return dict(sorted(found.items()))


def own_works(whole: int, counts: Iterable[int], sets: Mapping[Units, int]) -> int:
    """Return the number of works that count at a unit and at none of its children.

    Args:
        whole: whole count at the unit.
        counts: whole counts of its children.
        sets: exact set of two or more children -> works that exactly these claim.
    """
    twice = sum((len(units) - 1) * works for units, works in sets.items())
    return whole - (sum(counts) - twice)
