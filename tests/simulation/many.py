"""Many runs: compared with the oracle in batches, on every core."""

from __future__ import annotations

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from services.kpi.oracle.recompute import LogRecord, recompute
from tests.simulation import catalogues
from tests.simulation.run import Outcome, Run, quietly

BATCH = 100
PARALLEL_FROM = 1000
"""Fewer seeds are done before other processes have started."""

Batch = tuple[list[tuple[int, str]], Counter[str]]
"""Seeds that went wrong and why, and what the others counted."""


def wrong(outcomes: list[Outcome]) -> list[tuple[int, str]]:
    """Return seeds and what is wrong with them: their own complaints, or cells not the oracle's.

    Absent and zero cells count, too. Views of the same catalogue are computed at once.
    """
    found = [(o.seed, text) for o in outcomes for text in o.complaints]
    every = [(outcome.seed, standing) for outcome in outcomes for standing in outcome.standings]
    every.sort(key=lambda one: one[1].version)
    for version, several in groupby(every, key=lambda one: one[1].version):
        same = list(several)
        log = [LogRecord(i, event) for i, (_, one) in enumerate(same) for event in one.events]
        expected = recompute(log, catalogues.frozen(version).message)
        for i, (seed, one) in enumerate(same):
            if one.cells != (wanted := expected.get(i, {})):
                keys = {k for k in {*one.cells, *wanted} if one.cells.get(k) != wanted.get(k)}
                cells = [(key, one.cells.get(key), wanted.get(key)) for key in sorted(keys)[:5]]
                found.append((seed, f"{one.what}: cells, and what the oracle says: {cells}"))
    return found


def play(
    first: int, count: int, raised: tuple[type[Exception], ...] = (), is_one_enough: bool = False
) -> Batch:
    """Play seeds in this process.

    Args:
        first: first seed.
        count: how many.
        raised: errors that are no answer to any question, and are raised on.
        is_one_enough: whether the first run that stops is the last one.
    """
    quietly()
    failed: list[tuple[int, str]] = []
    outcomes = []
    for seed in range(first, first + count):
        try:
            outcomes.append(Run(seed).play())
        except raised:
            raise
        # Whatever a service does not expect stops it, and a run that stops went wrong.
        except Exception as error:
            failed.append((seed, repr(error)[:500]))
            if is_one_enough:
                return failed, Counter()
    totals = Counter[str]()
    for outcome in outcomes:
        totals.update(outcome.counts)
    totals["seeds"] += count
    return failed + wrong(outcomes), totals


def play_all(first: int, count: int) -> Iterator[Batch]:
    """Play seeds in batches, on all cores when it is worth it; in any order."""
    batches = [
        (begin, min(BATCH, first + count - begin)) for begin in range(first, first + count, BATCH)
    ]
    if count < PARALLEL_FROM:
        yield from (play(*batch) for batch in batches)
        return
    # Spawned, not forked: the parent may have threads.
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        yield from pool.imap_unordered(_play, batches)


def _play(batch: tuple[int, int]) -> Batch:
    return play(*batch)
