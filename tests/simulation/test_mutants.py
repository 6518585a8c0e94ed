from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

import pytest

from tests.simulation.hunting import SEEDS_MAX, seeds_until_caught
from tests.simulation.mutants import MUTANTS


@pytest.fixture(scope="module")
def caught() -> Iterator[dict[str, int]]:
    """Seeds until each mutant is caught, found on all cores, and told as a table at the end."""
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        found = dict(pool.imap_unordered(seeds_until_caught, MUTANTS))
    yield found
    print("\n\nseeds until caught  mutant")
    for name, seeds in sorted(found.items(), key=lambda item: item[1]):
        print(f"{seeds or 'survived':>18}  {name}")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_catches_the_mutant(name: str, caught: dict[str, int]) -> None:
    assert caught[name], f"survived {SEEDS_MAX} seeds: {name}"
