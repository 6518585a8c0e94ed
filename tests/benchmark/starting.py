"""What `kieng up` costs until it is ready, against an older build and bare processes.

Everything is measured in one run on the embedded broker and database: on an empty data folder
(cold) and on one with submissions (warm), whose log the broker has lost, so that all of them are
published and counted anew. Builds alternate, and medians are compared, since other work of the
machine costs a start processor time, too. CPU is that of all processes together.
"""

from __future__ import annotations

import compileall
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.cli.local import embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from tests.benchmark import bare_loops
from tests.benchmark.bare_loops import INSTITUTION
from tests.benchmark.figures import Figure, Target
from tests.benchmark.importing import BEFORE, Stack, build, write_files
from tests.benchmark.machine import ROOT, TICKS
from tests.waiting import wait_until

ROWS = 5_900
ROUNDS = 3
WANTED = Target(0.4)
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


class Build:
    """A build whose starts are measured.

    Args:
        folder: gets its data.
        tree: its files.
        rows: number of submissions of a warm start.
    """

    def __init__(self, folder: Path, tree: Path, rows: int) -> None:
        folder.mkdir(parents=True)
        self._folder, self._tree = folder, tree
        self._full = Stack(folder / "full", tree)
        articles, _ = write_files(folder, rows)
        with self._full.up():
            self._full.run("import", str(articles), "--institution", INSTITUTION)
        self.found: dict[str, list[Start]] = {"cold": [], "warm": []}

    def start(self) -> None:
        """Start it once on an empty folder, and once on a copy of that with submissions."""
        for name, starts in self.found.items():
            folder = self._folder / name
            stack = Stack(folder, self._tree)
            if name == "warm":
                shutil.copytree(self._full.running.data, stack.running.data)
            starts.append(_start(stack))
            shutil.rmtree(folder)

    def medians(self) -> dict[str, Start]:
        """Return `cold` and `warm` -> medians of the time and of the CPU of its starts."""
        return {name: _median(starts) for name, starts in self.found.items()}


def _median(starts: list[Start]) -> Start:
    walls, cpus = ([each.wall for each in starts], [each.cpu for each in starts])
    return Start(statistics.median(walls), statistics.median(cpus))


def _start(stack: Stack) -> Start:
    try:
        wall = stack.running.start("up", until=UNTIL)
        return Start(wall, family_cpu(stack.running.stack.pid))
    finally:
        stack.running.stop()


def bare(folder: Path, how: str, rows: int = 0) -> Start:
    """Start broker, database and bare processes, then count submissions anew by a bare loop.

    Args:
        folder: gets the data.
        how: as `bare_start` wants it.
        rows: number of submissions, which the database has before it starts.
    """
    folder.mkdir(parents=True)
    if rows:
        bare_loops.fill(folder, rows)
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
                pids = (bare_processes.pid, broker.child.pid, local.child.pid)
                counted = bare_loops.count_anew(local.uri, local.child.pid)[1] if rows else {}
                cpu = sum(map(family_cpu, pids)) + counted.get("loop", 0.0)
                return Start(time.monotonic() - began, cpu)
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
    old, new = Build(folder / "before", tree, rows), Build(folder / "now", ROOT, rows)
    floors: dict[str, list[Start]] = {"cold": [], "warm": []}
    alone = bare(folder / "alone", "alone")
    for number in range(ROUNDS):
        floors["cold"].append(bare(folder / f"cold {number}", "forked"))
        floors["warm"].append(bare(folder / f"warm {number}", "forked", rows))
        old.start()
        new.start()
    least = {name: _median(starts) for name, starts in floors.items()}
    before, now = old.medians(), new.medians()
    named = {f"{name}, bare processes": each for name, each in least.items()}
    named |= {f"{name}, {BEFORE}": each for name, each in before.items()} | now
    figures = list(_figures("bare processes, alone", alone, 1))
    figures += [each for name, start in named.items() for each in _figures(name, start, ROUNDS)]
    return [*figures, *_ratios(before, now, least)]


def _figures(name: str, start: Start, samples: int) -> Iterator[Figure]:
    yield Figure(f"start, {name}: CPU", start.cpu, "s", samples)
    yield Figure(f"start, {name}: time", start.wall, "s", samples)


def _ratios(
    before: dict[str, Start], now: dict[str, Start], least: dict[str, Start]
) -> Iterator[Figure]:
    """Yield CPU and time to those of the former build, beside what is wanted and the floor's."""
    for name, start in now.items():
        old, floor = before[name], least[name]
        title = f"to {BEFORE}'s"
        yield WANTED.judged(f"start, {name}: CPU {title}", start.cpu / old.cpu, floor.cpu / old.cpu)
        clock = start.wall / old.wall, floor.wall / old.wall
        yield WANTED.judged(f"start, {name}: time {title}", *clock)
