from __future__ import annotations

import subprocess
import sys

FROZEN = """
import gc
import duckdb
import tests.conftest
gc.freeze()
"""


def test_nothing_follows_the_summary_of_a_process_whose_heap_a_service_froze() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FROZEN], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
