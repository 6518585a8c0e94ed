"""How many seeds it takes to catch a mutant. A module of its own: other processes import it."""

from __future__ import annotations

import os

from tests.simulation.many import play
from tests.simulation.mutants import applied

SEEDS_MAX = 2000
HINTS = {
    "a fold goes on over a load that has not ended": 221,
    "a rollback is not caught up": 221,
    "a rebuild stores no tombstones": 234,
    "a version that changes no cell is forgotten": 34,
    "a follower skips what it missed": 33,
    "a resumed load reads up to another offset": 29,
    "a whole count is the sum of children": 21,
    "a claim does not look again which view answers": 18,
}
"""Seeds that catch a rare bug, tried first when nobody asks for the table (SEEDS is not set)."""
BATCHES = (10, 40, *[50] * 39)


def seeds_until_caught(name: str) -> tuple[str, int]:
    """Return how many seeds it takes; 0 when the mutant survives all of them."""
    first = 1
    with applied(name):
        hint = 0 if "SEEDS" in os.environ else HINTS.get(name, 0)
        if hint and play(hint, 1)[0]:
            return name, hint
        for count in BATCHES:
            failed, _ = play(first, count)
            if failed:
                return name, min(seed for seed, _ in failed)
            first += count
    return name, 0
