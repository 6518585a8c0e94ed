"""What `kieng up` costs until it is ready, against an older build and bare processes.

Everything is measured in one run on the embedded broker and database: on an empty data folder
(cold) and on one with submissions (warm). CPU is that of all processes together.
"""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.cli.local import embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from tests.benchmark.bare_loops import INSTITUTION
from tests.benchmark.figures import Figure
from tests.benchmark.importing import BEFORE, Stack, build, write_files
from tests.benchmark.machine import ROOT, TICKS
from tests.waiting import wait_until

ROWS = 5_900
TARGET = "<= 0.4"
UNTIL = "kieng doctor"
"""What `kieng up` prints when it is ready."""
BARE_SECONDS = 120.0


@dataclass(frozen=True)
class Start:
    """What a start cost: seconds on the clock, and CPU seconds of all processes."""

    wall: float
    cpu: float


def family_cpu(pid: int) -> float:
    """Return the CPU seconds of a process and all its descendants, ended ones included."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for path in Path("/proc").iterdir():
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if path.name.isdecimal():
            parents[int(path.name)] = int(fields[1])
            spent[int(path.name)] = sum(map(int, fields[11:15])) / TICKS
    family, found = set[int](), {pid}
    while found:
        family |= found
        found = {each for each, parent in parents.items() if parent in family} - family
    return sum(spent.get(each, 0.0) for each in family)


def starts(folder: Path, tree: Path, rows: int) -> dict[str, Start]:
    """Start a build on an empty folder and, if there are rows, again with so many submissions."""
    folder.mkdir(parents=True)
    stack = Stack(folder / "stack", tree)
    found = {"cold": _start(stack)}
    if rows:
        articles, _ = write_files(folder, rows)
        with stack.up():
            stack.run("import", str(articles), "--institution", INSTITUTION)
        found["warm"] = _start(stack)
    return found


def _start(stack: Stack) -> Start:
    try:
        wall = stack.running.start("up", until=UNTIL)
        return Start(wall, family_cpu(stack.running.stack.pid))
    finally:
        stack.running.stop()


def bare(folder: Path, how: str) -> Start:
    """Start broker, database and bare processes; ``how`` as `bare_start` wants it."""
    folder.mkdir(parents=True)
    broker_port, database_port = free_ports(2)
    broker = embedded.tansu(broker_port, folder / "broker.log")
    local = embedded.secantus(database_port, folder / "data", folder / "database.log")
    began = time.monotonic()
    with ChildGroup() as parts:
        parts.children += [broker.child, local.child]
        broker.child.start()
        local.child.start()
        broker.child.wait_until_ready(broker.unready, BARE_SECONDS)
        local.child.wait_until_ready(local.unready, BARE_SECONDS)
        argv = (sys.executable, "-W", "ignore", "-m", "tests.benchmark.bare_start", how)
        with (
            (folder / "bare.log").open("wb") as log,
            subprocess.Popen(
                (*argv, broker.bootstrap, local.uri),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=ROOT,
            ) as bare_processes,
        ):
            said = folder / "bare.log"
            try:
                wait_until(lambda: "ready" in said.read_text(), BARE_SECONDS, "all are ready")
                wall = time.monotonic() - began
                pids = (bare_processes.pid, broker.child.pid, local.child.pid)
                return Start(wall, sum(map(family_cpu, pids)))
            finally:
                os.killpg(bare_processes.pid, 9)


def measure(folder: Path, rows: int = ROWS) -> list[Figure]:
    """Measure both builds and bare processes; return all figures and the ratios.

    Raises:
        Missing: there is no former build to compare with.
    """
    tree = build(BEFORE, folder)
    # Neither build compiles its modules while it is measured.
    for each in (tree, ROOT / "services", ROOT / "protos"):
        compileall.compile_dir(each, quiet=2)
    floors = {how: bare(folder / how, how) for how in ("forked", "alone")}
    before, now = starts(folder / "before", tree, rows), starts(folder / "now", ROOT, rows)
    named = {f"bare processes, {how}": each for how, each in floors.items()}
    named |= {f"{name}, {BEFORE}": each for name, each in before.items()} | now
    figures = [each for name, start in named.items() for each in _figures(name, start)]
    return [*figures, *_ratios(before, now, floors["forked"])]


def _figures(name: str, start: Start) -> Iterator[Figure]:
    yield Figure(f"start, {name}: CPU", start.cpu, "s")
    yield Figure(f"start, {name}: time", start.wall, "s")


def _ratios(before: dict[str, Start], now: dict[str, Start], floor: Start) -> Iterator[Figure]:
    """Yield CPU and time to those of the former build, beside what is wanted and the floor's."""
    for name, start in now.items():
        old = before[name]
        cpu = {"target": TARGET, "floor": f"{floor.cpu / old.cpu:.2f}"}
        wall = {"target": TARGET, "floor": f"{floor.wall / old.wall:.2f}"}
        yield Figure(f"start, {name}: CPU to {BEFORE}'s", start.cpu / old.cpu, "x", 1, cpu)
        yield Figure(f"start, {name}: time to {BEFORE}'s", start.wall / old.wall, "x", 1, wall)
