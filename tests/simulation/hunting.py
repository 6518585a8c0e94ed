"""How many seeds it takes to catch a mutant. A module of its own: other processes import it."""

from __future__ import annotations

import os
from dataclasses import dataclass

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
MISFITS = (TypeError, AttributeError, NameError)
"""Errors of a mutant that does not fit the code any more; they would be taken for a catch."""


@dataclass(frozen=True)
class Catch:
    """How a mutant was caught.

    Args:
        mutant: its name.
        seeds: how many it took; 0 when it survived all of them.
        said: what was wrong with the last one.
        misfit: why it is no mutant at all.
    """

    mutant: str
    seeds: int = 0
    said: str = ""
    misfit: str = ""


def hunt(name: str) -> Catch:
    """Play seeds with a mutant until one goes wrong."""
    first = 1
    with applied(name):
        hint = 0 if "SEEDS" in os.environ else HINTS.get(name, 0)
        try:
            if hint and (failed := play(hint, 1, MISFITS)[0]):
                return Catch(name, *failed[0])
            for count in BATCHES:
                failed, _ = play(first, count, MISFITS)
                if failed:
                    return Catch(name, *min(failed))
                first += count
        except MISFITS as misfit:
            return Catch(name, misfit=repr(misfit))
    return Catch(name)
