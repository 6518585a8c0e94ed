from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.kpi.projection import partition_fold
from tests.simulation import hunting, world
from tests.simulation.hunting import AGAIN, MISFITS, SEEDS_MAX, Catch, catches, known_seeds
from tests.simulation.many import play
from tests.simulation.mutants import MUTANTS


def is_caught(name: str, catch: Catch | None, how: str) -> None:
    assert catch is not None, f"{how}: {name}"
    assert not catch.misfit, f"{name} does not fit the code any more: {catch.misfit}"
    assert catch.seed, f"{how}: {name}"


KNOWN_STEPS_MAX = world.CALM_FROM
"""More than the known seeds take without a mutant. Some mutants make a run that does not end."""


@pytest.fixture(scope="module")
def by_known_seeds() -> Iterator[dict[str, Catch]]:
    """What each mutant says on the one seed that is known to catch it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world, "STEPS_MAX", KNOWN_STEPS_MAX)
        yield catches({name: [seed] for name, seed in known_seeds().items()})


@pytest.mark.timeout(600)
def test_a_run_that_a_mutant_keeps_from_its_end_has_one_without_it(
    by_known_seeds: dict[str, Catch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "STEPS_MAX", KNOWN_STEPS_MAX)
    endless = [catch.seed for catch in by_known_seeds.values() if "does not end" in catch.said]
    assert endless
    assert [play(seed).complaints for seed in endless] == [[]] * len(endless)


# The first one plays a schedule for every mutant.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", known_seeds())
def test_the_known_seed_catches_the_mutant(name: str, by_known_seeds: dict[str, Catch]) -> None:
    stale = f"no known seed catches it now; {AGAIN}"
    is_caught(name, by_known_seeds.get(name), stale)


@pytest.fixture(scope="module")
def by_hunt() -> Iterator[dict[str, Catch]]:
    """Seeds until each mutant is caught, told as a table at the end."""
    found = hunting.hunt_all()
    yield found
    print(f"\n\n{hunting.table(found)}")


@pytest.mark.hunt
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MUTANTS)
def test_the_simulation_catches_the_mutant(name: str, by_hunt: dict[str, Catch]) -> None:
    is_caught(name, by_hunt[name], f"survived {SEEDS_MAX} seeds")


@pytest.mark.parametrize("error", MISFITS)
def test_a_mutant_that_does_not_fit_the_code_is_no_catch(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*given: object) -> None:
        raise error("it takes another argument now")

    monkeypatch.setitem(MUTANTS, "misfit", ((partition_fold, "fold", broken),))
    misfit = repr(error("it takes another argument now"))
    assert catches({"misfit": [1]}) == {"misfit": Catch(misfit=misfit)}


def test_a_seed_at_which_nothing_goes_wrong_catches_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(MUTANTS, "no mistake", ())
    assert catches({"no mistake": [1]}) == {}
