"""Import and decisions of a file, against an older build of the product and a bare loop.

Everything is measured in one run on the embedded stack, so that the ratios mean something on any
machine; what the processes use while nothing happens is taken off.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmark import bare_loops
from tests.benchmark.bare_loops import INSTITUTION, UNITS
from tests.benchmark.figures import Figure, Target
from tests.benchmark.machine import ROOT, cpu_seconds, wait_until
from tests.benchmark.peers import Missing
from tests.benchmark.sizing import worker
from tests.e2e.running import RunningStack

ROWS = 5_000
BEFORE = "d23e81d"
"""The build that the issue's targets are ratios to."""
PROGRAM = f"""#!{sys.executable}
from services.cli.main import main

main()
"""
"""A `kieng` of any build: what the installed one calls is called otherwise in former builds."""
COUNTED_SECONDS = 600.0
COMMAND_SECONDS = 1800.0
IDLE_SECONDS = 5.0
HEADINGS = (
    "record_id,unit_id,doi,title,indexes,quartile,quartile_source,quartile_year,issued_on,"
    "unit_authors,fields,evidence_title,evidence_uri,evidence_sha256"
)


@dataclass(frozen=True)
class Cost:
    """What a command cost: seconds on the clock, and CPU seconds of each process."""

    wall: float
    cpu: dict[str, float]

    def figures(self, name: str, rows: int) -> list[Figure]:
        """Return rate and CPU of a row."""
        each = {who: f"{cpu / rows * 1e3:.2f}" for who, cpu in self.cpu.items() if cpu > 0.01}
        total = sum(self.cpu.values()) / rows * 1e3
        return [
            Figure(f"{name}: rate", rows / self.wall, "rows/s", rows),
            Figure(f"{name}: all processes", total, "ms CPU/row", rows, each),
        ]


def write_files(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write a file of invented articles and one that verifies them all; return both."""
    articles, decisions = folder / "publication.csv", folder / "decisions.csv"
    with articles.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS.split(","))
        for n in range(rows):
            doi, day = f"10.5555/speed.{n}", f"2025-{n % 12 + 1:02}-{n % 28 + 1:02}"
            seen = ("wos|scopus", "q1", "scimago", "2024", day, "2", "quantum")
            proof = f"https://evidence.example.org/{n}", hashlib.sha256(doi.encode()).hexdigest()
            title = f"Bài báo giả để đo số {n}"
            row = (f"p{n}", UNITS[n % len(UNITS)], doi, title, *seen, f"Minh chứng {n}", *proof)
            writer.writerow(row)
    with decisions.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("record_id", "decision", "reason"))
        writer.writerows((f"p{n}", "verify", "") for n in range(rows))
    return articles, decisions


def build(revision: str, folder: Path) -> Path:
    """Unpack a former build; it runs with the libraries of this one.

    Raises:
        Missing: this is no clone, or lacks the revision.
    """
    git = subprocess.run(
        ["git", "archive", revision], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    if git.returncode:
        raise Missing(f"git has no {revision}: {git.stderr.decode().strip()}")
    tree = folder / revision
    with tarfile.open(fileobj=io.BytesIO(git.stdout)) as archive:
        archive.extractall(tree, filter="data")
    return tree


class Stack:
    """A `kieng up` of some build, whose commands are measured."""

    def __init__(self, folder: Path, tree: Path) -> None:
        # Safe, or `python -m` would take the folder it is run in first, which is this build.
        self.environment = {"PYTHONPATH": f"{tree}:{tree}/protos/gen", "PYTHONSAFEPATH": "1"}
        folder.mkdir()
        self.program = folder / "kieng"
        self.program.write_text(PROGRAM)
        self.program.chmod(0o755)
        self.running = RunningStack(folder, "embedded", self.environment, self.program)

    @contextmanager
    def up(self) -> Iterator[Stack]:
        """Run it."""
        try:
            self.running.start("up", until="kieng doctor")
            yield self
        finally:
            self.running.stop()

    def _cpu(self) -> dict[str, float]:
        processes = self.running.stack.processes.items()
        return {name: cpu_seconds(worker(process.pid)) for name, process in processes}

    def _idle(self) -> dict[str, float]:
        before, began = self._cpu(), time.monotonic()
        signal.sigtimedwait([signal.SIGUSR2], IDLE_SECONDS)
        passed = time.monotonic() - began
        return {name: (cpu - before[name]) / passed for name, cpu in self._cpu().items()}

    def run(self, *command: str) -> str:
        """Run a command of the build to its end; return what it answers, as JSON.

        Raises:
            RuntimeError: it failed; carries its last words.
        """
        # Not forked from this process: the commands are those of the build.
        done = subprocess.run(
            [str(self.program), *command, "--data", str(self.running.data), "--output", "json"],
            env={**os.environ, **self.environment, "KIENG_LANG": "en"},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr[-500:]}")
        return done.stdout

    def _counted(self) -> int:
        asked = ("--unit", "consortium", "--indicator", "KNW-03")
        months = ("--from", "2025-01", "--to", "2025-12")
        (cell,) = json.loads(self.run("kpi", "show", *asked, *months))["cells"]
        return int(cell["declared"])

    def cost(self, *command: str, declared: int) -> Cost:
        """Run a command; measure until the numbers have what it wrote.

        Raises:
            RuntimeError: it failed; carries its last words.
        """
        idle, before, began = self._idle(), self._cpu(), time.monotonic()
        mine = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.run(*command, "--institution", INSTITUTION)
        wall, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        wait_until(lambda: self._counted() == declared, COUNTED_SECONDS, "all are counted", 1.0)
        passed, after = time.monotonic() - began, self._cpu()
        cpu = {n: max(0.0, after[n] - before[n] - idle[n] * passed) for n in after}
        own = now.ru_utime + now.ru_stime - mine.ru_utime - mine.ru_stime
        return Cost(wall, {**cpu, "command": own})


def commands(folder: Path, tree: Path, rows: int, *, with_dry_runs: bool) -> dict[str, Cost]:
    """Measure, with one build: new records, the same file again, and decisions on all.

    ``with_dry_runs``: first also try the records without importing them; former builds cannot.
    """
    folder.mkdir(parents=True)
    articles, decisions = write_files(folder, rows)
    with Stack(folder / "stack", tree).up() as stack:
        whole = ("import", str(articles), "--dry-run")
        dry_runs = {CHECKS: (*whole, "--no-effect"), EFFECT: whole} if with_dry_runs else {}
        return {
            **{name: stack.cost(*command, declared=0) for name, command in dry_runs.items()},
            "import": stack.cost("import", str(articles), declared=rows),
            "the same file again": stack.cost("import", str(articles), declared=rows),
            "decisions": stack.cost("review", "import", str(decisions), declared=rows),
        }


CHECKS, EFFECT = "dry run without the effect", "dry run with the effect"
LEAST_CPU = {"import": Target(0.5)}
"""What is measured -> wanted ratio of CPU to the former build."""
RATES = {"the same file again": Target(3, is_least=True), "decisions": Target(8, is_least=True)}
"""What is measured -> wanted ratio of the rate to the former build."""
OF_RAW, OF_CHECKS = Target(0.8, is_least=True), Target(1.5)
FLOORS = {"import": bare_loops.IMPORT, "decisions": bare_loops.DECISIONS}
"""What is measured -> the loop that does what the database cannot be spared, and nothing else."""


def measure(folder: Path, rows: int = ROWS) -> list[Figure]:
    """Measure both builds and the loop; return all figures and the ratios.

    Raises:
        Missing: there is no former build to compare with.
    """
    tree = build(BEFORE, folder)
    loops = {
        name: Cost(*spent) for name, spent in bare_loops.measure(folder / "loop", rows).items()
    }
    before = commands(folder / "before", tree, rows, with_dry_runs=False)
    now = commands(folder / "now", ROOT, rows, with_dry_runs=True)
    figures = [each for name, cost in loops.items() for each in cost.figures(name, rows)]
    dry_runs = [now.pop(name) for name in (CHECKS, EFFECT)]
    for name, cost in zip((CHECKS, EFFECT), dry_runs, strict=True):
        figures += cost.figures(name, rows)
    clock = dry_runs[1].wall / dry_runs[0].wall
    figures.append(OF_CHECKS.judged("dry run: time with the effect", clock))
    for name, cost in now.items():
        old = before[name]
        figures += [
            *old.figures(f"{name}, {BEFORE}", rows),
            *cost.figures(name, rows),
            *_ratios(name, cost, old, loops.get(FLOORS.get(name, ""))),
        ]
    bare, floor = loops[bare_loops.BARE].wall, loops[bare_loops.IMPORT].wall
    share = bare / now["import"].wall
    return [*figures, OF_RAW.judged("import: rate to the bare loop's", share, bare / floor)]


def _ratios(name: str, cost: Cost, old: Cost, floor: Cost | None) -> Iterator[Figure]:
    """Yield CPU and rate to those of the former build, beside what is wanted and the floor's."""
    former = sum(old.cpu.values())
    cpu, cpu_floor = sum(cost.cpu.values()) / former, None
    rate, rate_floor = old.wall / cost.wall, None
    if floor:
        cpu_floor, rate_floor = sum(floor.cpu.values()) / former, old.wall / floor.wall
    measured = ("CPU", LEAST_CPU, cpu, cpu_floor), ("rate", RATES, rate, rate_floor)
    for what, targets, value, least in measured:
        title = f"{name}: {what} to {BEFORE}'s"
        told = {"floor": f"{least:.2g}"} if least else {}
        wanted = targets.get(name)
        yield wanted.judged(title, value, least) if wanted else Figure(title, value, "x", 1, told)
