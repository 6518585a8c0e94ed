"""How many seeds it takes to catch a mutant. A module of its own: other processes import it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tests.simulation.many import play
from tests.simulation.mutants import applied

SEEDS_MAX = 2000
HINTS = {
    "a log is filled without former works": 614,
    "a rebuild stores no tombstones": 446,
    "a new generation ends no former owner": 213,
    "marks of another generation are accepted": 280,
    "a claim does not ask again which log it is": 218,
    "shares are rounded floats": 113,
    "a resumed load reads up to another offset": 100,
    "a follower skips what it missed": 65,
    "any version mends a parked record": 49,
    "a rollback is not caught up": 40,
    "the tree of a view changes while it is folded": 36,
    "a sleeper lets its generation answer": 32,
    "a fold is used again after a failed read": 27,
    "works in bundles are taken for new": 20,
    "a reader takes what notes tell in any order": 14,
    "the relay clears before the broker acknowledged": 13,
}
"""Seeds that catch the rarer bugs; tried first unless SEEDS asks for the table."""
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
            if hint and (failed := play(hint, 1, MISFITS, is_one_enough=True)[0]):
                return Catch(name, *failed[0])
            for count in BATCHES:
                failed, _ = play(first, count, MISFITS, is_one_enough=True)
                if failed:
                    return Catch(name, *min(failed))
                first += count
        except MISFITS as misfit:
            return Catch(name, misfit=repr(misfit))
    return Catch(name)
