from __future__ import annotations

import os

from services.kpi.oracle.recompute import recompute
from tests.simulation.run import Outcome, Run, message

SEEDS = int(os.environ.get("SEEDS", "300"))
FIRST_SEED = int(os.environ.get("FIRST_SEED", "1"))
BATCH = 200


def wrong(outcomes: list[Outcome]) -> list[int]:
    """Return the seeds whose stored cells differ from the oracle's, absent and zero included."""
    log = [record for outcome in outcomes for record in outcome.log]
    expected = recompute(log, message())
    return [o.seed for o in outcomes if o.cells != expected.get(o.seed, {})]


def test_every_schedule_ends_with_the_cells_of_the_oracle() -> None:
    reads = crashes = conflicts = parked = 0
    for begin in range(FIRST_SEED, FIRST_SEED + SEEDS, BATCH):
        end = min(begin + BATCH, FIRST_SEED + SEEDS)
        outcomes = [Run(seed).play() for seed in range(begin, end)]
        assert wrong(outcomes) == [], "run these with FIRST_SEED=seed SEEDS=1"
        reads += sum(outcome.reads for outcome in outcomes)
        crashes += sum(outcome.crashes for outcome in outcomes)
        conflicts += sum(outcome.conflicts for outcome in outcomes)
        parked += sum(outcome.parked for outcome in outcomes)
        print(f"{end - FIRST_SEED} seeds, {crashes} crashes, {conflicts} conflicts, {reads} reads")
    # The faults were real, or the test proves nothing.
    assert min(crashes, conflicts, reads, parked) > 0


def test_a_seed_reproduces_bit_for_bit() -> None:
    traces = {seed: Run(seed).play().trace for seed in range(1, 11)}
    assert {seed: Run(seed).play().trace for seed in range(1, 11)} == traces
    assert len(set(traces.values())) == len(traces)
