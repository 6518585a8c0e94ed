"""`kieng demo --once` of this build and of a former one: how long until all is counted and stopped.

The floor is what the bare loops of part `import` take for as many rows and decisions.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from services.cli.commands.demo import FILES
from tests.benchmark import bare_loops
from tests.benchmark.figures import Figure, Target
from tests.benchmark.importing import BEFORE, PROGRAM, build
from tests.benchmark.machine import ROOT

DEMO_SECONDS_MAX = 1200
WANTED = Target(0.35)


def _run(folder: Path, tree: Path) -> tuple[float, float]:
    """Run the demo of a build; return its seconds on the clock, and of CPU in all processes.

    Raises:
        RuntimeError: it failed; carries its last words.
    """
    folder.mkdir(parents=True)
    kieng = folder / "kieng"
    kieng.write_text(PROGRAM)
    kieng.chmod(0o755)
    where = {"PYTHONPATH": f"{tree}:{tree}/protos/gen", "PYTHONSAFEPATH": "1", "KIENG_LANG": "en"}
    options = ("--data", str(folder / "data"), "--json-out", str(folder / "kpis.json"))
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [str(kieng), "demo", "--once", *options],
        env={**os.environ, **where},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS_MAX,
        check=False,
    )
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"the demo ended with {done.returncode}: {done.stderr[-500:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu


def _rows(pattern: str) -> int:
    files = [path for path in FILES.glob(pattern) if path.parent != FILES]
    return sum(path.read_text(encoding="utf-8").count("\n") - 1 for path in files)


def measure(folder: Path, value: Callable[[str], float]) -> list[Figure]:
    """Run both demos; return their times and the ratio beside the floor.

    Args:
        folder: gets both builds' data.
        value: returns a figure that part `import` has measured.

    Raises:
        Missing: there is no former build to compare with.
        LookupError: part `import` has not measured the bare loops.
    """
    decisions = _rows("*/decisions-?.csv")
    imported = _rows("**/*.csv") - decisions
    loops = {bare_loops.IMPORT: imported, bare_loops.DECISIONS: decisions}
    floor = sum(rows / value(f"{name}: rate") for name, rows in loops.items())
    old, old_cpu = _run(folder / "before", build(BEFORE, folder))
    new, new_cpu = _run(folder / "now", ROOT)
    told = {"rows": imported, "decisions": decisions}
    return [
        Figure(f"demo, {BEFORE}", old, "s", 1, {"CPU": f"{old_cpu:.0f} s"}),
        Figure("demo", new, "s", 1, {"CPU": f"{new_cpu:.0f} s", **told}),
        Figure("demo: bare loops of its rows", floor, "s", 1, told),
        WANTED.judged(f"demo: time to {BEFORE}'s", new / old, floor / old),
        Figure(f"demo: CPU to {BEFORE}'s", new_cpu / old_cpu, "x"),
    ]
