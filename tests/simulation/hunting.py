"""How many seeds it takes to catch a mutant. A module of its own: other processes import it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tests.simulation.many import play
from tests.simulation.mutants import applied

SEEDS_MAX = 2000
HINTS = {
    "a claim does not ask again which log it is": 753,
    "a rebuild stores no tombstones": 446,
    "the pointer moves whoever answers by now": 346,
    "shares are rounded floats": 120,
    "a sleeper lets its generation answer": 91,
    "a fold goes on over a load that has not ended": 66,
    "a claim does not look again which view answers": 61,
    "any version mends a parked record": 56,
    "a rebuild keeps the last word, not the newest version": 51,
    "two fold versions count in one view": 30,
    "a resumed load reads up to another offset": 27,
    "a log is filled without former works": 26,
    "a whole count is the sum of children": 24,
    "marks of another generation are accepted": 18,
    "a follower skips what it missed": 17,
    "a reader takes what notes tell in any order": 14,
    "the relay clears before the broker acknowledged": 13,
    "the latest date wins": 11,
    "the tree of a view changes while it is folded": 11,
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
