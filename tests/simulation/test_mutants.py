from __future__ import annotations

import pytest

from tests.simulation.mutants import MUTANTS, applied
from tests.simulation.run import Outcome, Run
from tests.simulation.test_simulation import wrong

SEEDS_MAX = 2000
BATCH = 50


def seeds_until_caught(name: str) -> int:
    """Return how many seeds it takes; 0 when the mutant survives all of them."""
    with applied(name) as parts:
        for begin in range(1, SEEDS_MAX, BATCH):
            outcomes: list[Outcome] = []
            for seed in range(begin, begin + BATCH):
                try:
                    outcomes.append(Run(seed, **parts).play())
                except (AssertionError, RuntimeError):
                    return seed
            if found := wrong(outcomes):
                return min(found)
    return 0


@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_catches_the_mutant(name: str) -> None:
    seeds = seeds_until_caught(name)
    print(f"{name}: caught by seed {seeds}")
    assert seeds, f"survived {SEEDS_MAX} seeds: {name}"
