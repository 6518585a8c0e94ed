"""Many runs: compared with the oracle in batches, on every core."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from services.kpi.oracle.recompute import LogRecord, recompute
from tests.simulation import catalogues
from tests.simulation.run import Outcome, Run, quietly

BATCH = 250
"""The oracle takes seconds, whether it is asked about one run or about so many."""
PARALLEL_FROM = 1000
"""Fewer seeds are done before other processes have started."""

Batch = tuple[list[tuple[int, str]], Counter[str]]
"""Seeds that went wrong and why, and what the others counted."""


def wrong(outcomes: Sequence[Outcome]) -> list[tuple[int, str]]:
    """Return which runs went wrong, by their place among them, and why.

    A run's own complaints are reasons, and so are cells that are not the oracle's; absent and zero
    cells count, too. Views of the same catalogue are computed at once.
    """
    found = [(place, text) for place, one in enumerate(outcomes) for text in one.complaints]
    every = [(place, standing) for place, one in enumerate(outcomes) for standing in one.standings]
    every.sort(key=lambda one: one[1].version)
    for version, several in groupby(every, key=lambda one: one[1].version):
        same = list(several)
        log = [LogRecord(i, event) for i, (_, one) in enumerate(same) for event in one.events]
        expected = recompute(log, catalogues.frozen(version).message)
        for i, (place, one) in enumerate(same):
            if one.cells != (wanted := expected.get(i, {})):
                keys = {k for k in {*one.cells, *wanted} if one.cells.get(k) != wanted.get(k)}
                cells = [(key, one.cells.get(key), wanted.get(key)) for key in sorted(keys)[:5]]
                found.append((place, f"{one.what}: cells, and what the oracle says: {cells}"))
    return found


def play(seed: int, raised: tuple[type[Exception], ...] = ()) -> Outcome:
    """Play one seed; whatever a service does not expect stops it, and is a complaint.

    Args:
        seed: decides everything.
        raised: errors that are no answer to any question, and are raised on.
    """
    with quietly():
        try:
            return Run(seed).play()
        except raised:
            raise
        except Exception as error:
            return Outcome(seed, [], [repr(error)[:500]], {}, "")


def play_several(seeds: Sequence[int]) -> Batch:
    """Play seeds in this process."""
    outcomes = [play(seed) for seed in seeds]
    totals = Counter(seeds=len(seeds))
    for outcome in outcomes:
        totals.update(outcome.counts)
    return [(seeds[place], text) for place, text in wrong(outcomes)], totals


def play_all(first: int, count: int) -> Iterator[Batch]:
    """Play seeds in batches, on all cores when it is worth it; in any order."""
    behind = first + count
    batches = [range(begin, min(begin + BATCH, behind)) for begin in range(first, behind, BATCH)]
    if count < PARALLEL_FROM:
        yield from map(play_several, batches)
        return
    # Spawned, not forked: the parent may have threads.
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        yield from pool.imap_unordered(play_several, batches)
