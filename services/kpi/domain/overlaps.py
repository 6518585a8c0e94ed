"""Overlaps: how many works several units have in common.

Computed from exact sets: how many works precisely a given set of units claims.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import combinations

Units = tuple[str, ...]
"""Sorted ids of units that share works."""


def common(sets: Mapping[Units, int], size: int) -> dict[Units, int]:
    """Return how many works each group of units has in common, even if other units claim them too.

    Args:
        sets: set of units -> number of works that exactly these units claim.
        size: number of units in a group.

    Returns:
        Group of units -> number of common works; groups without any are left out.
    """
    found: Counter[Units] = Counter()
    for units, works in sets.items():
        for several in combinations(units, size):
            found[several] += works
    return dict(sorted(found.items()))


def own_works(whole: int, counts: Iterable[int], sets: Mapping[Units, int]) -> int:
    """Return the number of works that count at a unit but at none of its children.

    It is the unit's count minus the works of its children, each counted once.

    Args:
        whole: whole count at the unit.
        counts: whole counts of its children.
        sets: set of two or more children -> number of works that exactly these claim.
    """
    twice = sum((len(units) - 1) * works for units, works in sets.items())
    return whole - (sum(counts) - twice)
