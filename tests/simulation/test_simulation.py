from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.simulation.many import play_all

SEEDS = int(os.environ.get("SEEDS", "1000" if "DEEP" in os.environ else "100"))
FIRST_SEED = int(os.environ.get("FIRST_SEED", "1"))
PRINT_SECONDS = 10.0
SECONDS_MAX = 900 if SEEDS <= 10_000 else 0
"""A night has no limit."""


def told(totals: Counter[str]) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in sorted(totals.items()))


@pytest.mark.deep
@pytest.mark.timeout(SECONDS_MAX)
def test_every_schedule_ends_with_the_cells_of_the_oracle() -> None:
    totals, began, printed = Counter[str](), time.monotonic(), 0.0
    for wrong, counts in play_all(FIRST_SEED, SEEDS):
        assert wrong == [], "run one of these with FIRST_SEED=seed SEEDS=1"
        totals.update(counts)
        if time.monotonic() - printed > PRINT_SECONDS:
            printed = time.monotonic()
            print(told(totals), flush=True)
    print(f"{told(totals)}; 0 wrong in {time.monotonic() - began:.0f} s", flush=True)
    # The faults were real, or the test proves nothing; one seed alone need not have them all.
    names = ("crashes", "conflicts", "unknown", "unread", "unheard", "refused", "swaps", "parked")
    assert SEEDS < 100 or min(totals[name] for name in names) > 0
    # Reads of which everything was checked: at least 100,000 of 10,000 schedules.
    assert SEEDS < 100 or totals["reads"] >= 10 * SEEDS
    assert totals["standings"] >= 2 * SEEDS


TRACED = 40 if "DEEP" in os.environ else 12
TRACES = f"""
import json
from tests.simulation.run import Run, quietly
with quietly():
    print(json.dumps([Run(seed).play().trace for seed in range(1, {TRACED + 1})]))
"""


def traces(hash_seed: str) -> list[str]:
    """What a process comes to whose sets of strings have an order of their own."""
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", TRACES]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.deep
def test_a_seed_reproduces_bit_for_bit_in_another_process() -> None:
    with ThreadPoolExecutor() as both:
        one, other = both.map(traces, ("1", "2"))
    assert one == other
    assert len(set(one)) == len(one)
