"""How many seeds it takes to catch a mutant. A module of its own: other processes import it."""

from __future__ import annotations

import os

from tests.simulation.many import play
from tests.simulation.mutants import applied

SEEDS_MAX = 2000
HINTS = {
    "a rebuild stores no tombstones": 188,
    "shares are rounded floats": 174,
    "a load that begins says it has ended": 165,
    "a fold goes on over a load that has not ended": 81,
    "a rollback is not caught up": 66,
    "any version mends a parked record": 46,
    "the latest date wins": 36,
    "a resumed load reads up to another offset": 29,
    "the weakest claim settles facts": 25,
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
