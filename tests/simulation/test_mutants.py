from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator

import pytest

from services.kpi.projection import partition_fold
from tests.simulation.hunting import MISFITS, SEEDS_MAX, Catch, hunt
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


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_catches_the_mutant(name: str, catches: dict[str, Catch]) -> None:
    assert not catches[name].misfit, f"{name} does not fit the code any more"
    assert catches[name].seeds, f"survived {SEEDS_MAX} seeds: {name}"


@pytest.mark.parametrize("error", MISFITS)
def test_a_mutant_that_does_not_fit_the_code_is_no_catch(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise error("it takes another argument now")

    monkeypatch.setitem(MUTANTS, "misfit", ((partition_fold, "fold", broken),))
    catch = hunt("misfit")
    assert (catch.seeds, catch.misfit) == (0, repr(error("it takes another argument now")))
