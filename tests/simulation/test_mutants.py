from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

import pytest

from services.kpi.projection import partition_fold
from tests.simulation.hunting import HINTS, MISFITS, SEEDS_MAX, Catch, hunt
from tests.simulation.mutants import MUTANTS


@pytest.fixture(scope="module")
def catches() -> Iterator[dict[str, Catch]]:
    """Seeds until each mutant is caught, found on all cores, and told as a table at the end."""
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        found = {catch.mutant: catch for catch in pool.imap_unordered(hunt, MUTANTS)}
    yield found
    print("\n\nseeds until caught  mutant")
    for name, catch in sorted(found.items(), key=lambda item: item[1].seeds):
        print(f"{catch.seeds or 'survived':>18}  {name}")


def is_caught(catch: Catch) -> None:
    assert not catch.misfit, f"{catch.mutant} does not fit the code any more"
    assert catch.seeds, f"survived {SEEDS_MAX} seeds: {catch.mutant}"


@pytest.mark.hunt
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_catches_the_mutant(name: str, catches: dict[str, Catch]) -> None:
    is_caught(catches[name])


# One seed each, in most runs; what needs more than that is left to the whole hunt.
# A seed that went stale makes it search on, which takes minutes on a loaded machine.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", HINTS)
def test_the_seed_that_is_known_catches_the_rare_mutant(name: str) -> None:
    is_caught(hunt(name))


@pytest.mark.parametrize("error", MISFITS)
def test_a_mutant_that_does_not_fit_the_code_is_no_catch(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise error("it takes another argument now")

    monkeypatch.setitem(MUTANTS, "misfit", ((partition_fold, "fold", broken),))
    catch = hunt("misfit")
    assert (catch.seeds, catch.misfit) == (0, repr(error("it takes another argument now")))
