"""No request makes a service fail, hang or grow, whatever its bytes and whoever sends it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from tests.e2e.running import RunningStack
from tests.fuzz.running import fuzz

SECONDS = float(os.environ.get("SECONDS") or 30)
SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**6))
BESIDE_SECONDS = 600.0
"""For the start of the stack, and until everything has ended."""


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + BESIDE_SECONDS)
def test_no_request_makes_a_service_fail_hang_or_grow(
    fuzzed: RunningStack, measured: Callable[[str], None]
) -> None:
    run = fuzz(fuzzed.stack, SECONDS, SEED)
    for line in run.lines():
        measured(line)
    repeat = f"repeat it with `make fuzz SEED={SEED} SECONDS={SECONDS:g}`"
    assert not run.seen.wrong, "\n".join([repeat, *run.seen.wrong])
    assert not run.errors, "\n".join([repeat, *run.errors])
    assert not run.grown(), (repeat, run.memory)
