"""Which seed catches which mutant: `python -m tests.simulation.hunting --update` writes seeds.json.

A change of the services or of the simulation changes what a seed does, so that it may catch its
mutant no more. `--update` keeps every seed that does and searches for the others; without it all
are searched for anew and the table is only printed. On all cores either way.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.many import play, wrong
from tests.simulation.mutants import MUTANTS, applied
from tests.simulation.run import Outcome

SEEDS_MAX = 1500
SEEDS_FILE = Path(__file__).with_name("seeds.json")
RUNS = 60
"""So many at least are compared with the oracle at once."""
MISFITS = (TypeError, AttributeError, NameError)
"""Errors of a mutant that does not fit the code any more; they would be taken for a catch."""
AGAIN = "search with: python -m tests.simulation.hunting --update"


@dataclass(frozen=True)
class Catch:
    """How a mutant was caught.

    Args:
        seed: which caught it; 0 when it survived all of them.
        said: what was wrong then.
        misfit: why it is no mutant at all.
    """

    seed: int = 0
    said: str = ""
    misfit: str = ""


def known_seeds() -> dict[str, int]:
    """Return the recorded table: mutant -> a seed that catches it."""
    found: dict[str, int] = json.loads(SEEDS_FILE.read_text())
    return found


def catches(tried: Mapping[str, Sequence[int]]) -> dict[str, Catch]:
    """Return how mutants are caught by the first of some seeds; none for those that survive."""
    found: dict[str, Catch] = {}
    outcomes: list[tuple[str, Outcome]] = []
    for name, seeds in tried.items():
        try:
            outcomes += [(name, outcome) for outcome in _played(name, seeds)]
        except MISFITS as misfit:
            found[name] = Catch(misfit=repr(misfit))
    # With no mutant in place: the oracle shares no code with what they break.
    for place, text in sorted(wrong([outcome for _, outcome in outcomes])):
        name, outcome = outcomes[place]
        found.setdefault(name, Catch(outcome.seed, text))
    return found


def _played(name: str, seeds: Sequence[int]) -> list[Outcome]:
    played = []
    with applied(name):
        for seed in seeds:
            played.append(play(seed, MISFITS))
            if played[-1].complaints:
                break
    return played


def hunt(names: Iterable[str]) -> dict[str, Catch]:
    """Play seeds from the first on with each mutant until one goes wrong."""
    found: dict[str, Catch] = {}
    left, first = sorted(names), 1
    while left and first <= SEEDS_MAX:
        count = -(-RUNS // len(left))
        seeds = range(first, min(first + count, SEEDS_MAX + 1))
        now = catches(dict.fromkeys(left, seeds))
        for name, catch in now.items():
            print(f"{catch.seed:>18}  {name} {catch.misfit}", flush=True)
        found |= now
        left, first = [name for name in left if name not in found], seeds.stop
    return found | dict.fromkeys(left, Catch())


def hunt_all(names: Iterable[str] = MUTANTS) -> dict[str, Catch]:
    """Hunt on all cores."""
    several = sorted(names)
    processes = os.cpu_count() or 1
    parts = [several[number::processes] for number in range(processes)]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        return {name: catch for part in pool.map(hunt, parts) for name, catch in part.items()}


def table(found: Mapping[str, Catch]) -> str:
    """Return how many seeds each mutant took."""
    rows = sorted((catch.seed or SEEDS_MAX + 1, name) for name, catch in found.items())
    lines = [f"{seed if seed <= SEEDS_MAX else 'survived':>18}  {name}" for seed, name in rows]
    return "\n".join(["seeds until caught  mutant", *lines])


def main(arguments: Sequence[str]) -> int:
    """Search; with `--update` only for the seeds that catch no more, and write the table."""
    if arguments != ["--update"]:
        print(table(hunt_all()))
        return 0
    known = {name: seed for name, seed in known_seeds().items() if name in MUTANTS}
    still = {name: c.seed for name, c in catches({n: [s] for n, s in known.items()}).items()}
    found = hunt_all(MUTANTS.keys() - {name for name, seed in still.items() if seed})
    print(table(found))
    seeds = still | {name: catch.seed for name, catch in found.items()}
    kept = {name: seeds[name] for name in MUTANTS if seeds[name]}
    SEEDS_FILE.write_text(json.dumps(kept, indent=2) + "\n")
    for name in MUTANTS.keys() - kept:
        print(f"not caught: {name}: {found[name].misfit or f'survived {SEEDS_MAX} seeds'}")
    return 0 if len(kept) == len(MUTANTS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
