"""How many seeds it takes to catch a mutant. A module of its own: other processes import it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tests.simulation.many import play
from tests.simulation.mutants import applied

SEEDS_MAX = 2000
HINTS = {
    "the note of a flush leaves a cell out": 4,
    "a reader takes what notes tell in any order": 14,
    "a log is filled without former works": 904,
    "a claim does not ask again which log it is": 488,
    "a fold goes on over a load that has not ended": 386,
    "marks of another generation are accepted": 348,
    "a resumed load reads up to another offset": 218,
    "a rebuild stores no tombstones": 213,
    "the pointer moves whoever answers by now": 195,
    "a follower skips what it missed": 105,
    "any version mends a parked record": 65,
    "a new generation ends no former owner": 54,
    "the tree of a view changes while it is folded": 32,
    "a rebuild keeps the last word, not the newest version": 31,
    "shares are rounded floats": 20,
    "a fold is used again after a failed read": 18,
    "works in bundles are taken for new": 18,
    "a rollback is not caught up": 16,
    "two fold versions count in one view": 16,
    "the latest date wins": 11,
    "a generation that is being filled is opened again": 9,
    "a claim does not look again which view answers": 8,
    "versions are ignored": 6,
    "retractions leave no tombstone": 6,
    "a version that changes no cell is forgotten": 5,
    "parked records are never mended": 5,
    "the relay clears what was written meanwhile": 5,
    "a load that begins says it has ended": 5,
    "the pointer moves beside owners who still fold": 4,
    "the note of a flush leaves a row out": 3,
    "the relay clears before the broker acknowledged": 3,
    "the relay publishes the newest event only": 3,
    "a sleeper lets its generation answer": 2,
    "no fence at all": 2,
    "the stored offset is the only fence": 2,
    "cells and works are flushed before the position": 2,
    "caches survive the loss of a partition": 2,
    "the weakest claim settles facts": 2,
    "a whole count is the sum of children": 2,
    "the second change of a cell overwrites the first": 2,
    "a reader reads row by row": 2,
    "a changed work key retracts nothing": 1,
    "the position is flushed before cells and works": 1,
    "works are not stored": 1,
    "the stored offset is off by one": 1,
    "only additions are applied": 1,
    "the old contribution is not subtracted": 1,
    "the pointer moves before the new view is caught up": 1,
    "the identity of the log is not asked": 1,
}
"""The first seed that catches each bug; tried first unless SEEDS asks for the table."""
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
