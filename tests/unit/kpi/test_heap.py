from __future__ import annotations

import subprocess
import sys

SPARED = """
import gc
from services.kpi.heap import freeze_heap, tune_gc
tune_gc()
image = [{(str(number), ""): number} for number in range(10_000)]
before = len(gc.get_objects())
freeze_heap()
print(before - len(gc.get_objects()), gc.get_freeze_count(), gc.get_threshold()[0])
"""


def test_an_image_that_was_read_is_not_gone_through_any_more() -> None:
    # In a process of its own: what is spared stays so.
    done = subprocess.run(
        [sys.executable, "-c", SPARED], capture_output=True, text=True, check=True
    )
    spared, frozen, threshold = map(int, done.stdout.split())
    assert min(spared, frozen) >= 20_000
    assert threshold == 100_000
