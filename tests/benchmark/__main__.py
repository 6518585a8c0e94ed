"""`python -m tests.benchmark [EVENTS]`: measures everything in one run; see docs/performance.md.

Prints a table and writes build/bench.json. A part that fails is told and the others go on; the exit
code is 1 then. A peer that this machine does not have is left out, with the reason.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from services.cli.local import apache_kafka
from tests.benchmark import (
    commands,
    company,
    demonstration,
    folding,
    freshness,
    importing,
    live,
    pages,
    peers,
    quix,
    screens,
    starting,
    submitting,
    tables,
)
from tests.benchmark.figures import Figure, show, write
from tests.benchmark.generator import Generator
from tests.benchmark.machine import ROOT, Machine, database_program, described

RESULT = ROOT / "build" / "bench.json"
GROWTH = (10_000, 100_000, 1_000_000)
RATES = (20, 200)
WIDTH = 150


@dataclass
class Bench:
    """One run: its figures so far, and what went wrong."""

    machine: Machine
    events: int
    rows: int
    console: Console
    progress: Progress
    figures: list[Figure] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    written: int = 0

    def part(self, name: str, body: Callable[[], list[Figure]]) -> None:
        """Measure one part; whatever happens, the next one has its turn."""
        task = self.progress.add_task(name, total=None)
        try:
            self.figures += body()
        except peers.Missing as missing:
            self.left_out.append(f"{name}: {missing}")
        except Exception as error:
            self.failed.append(f"{name}: {type(error).__name__}: {error}")
        self.progress.update(task, total=1, completed=1)

    def value(self, name: str) -> float:
        """Return a figure that was measured before.

        Raises:
            LookupError: that part failed.
        """
        for figure in self.figures:
            if figure.name == name:
                return figure.value
        raise LookupError(f"{name!r} was not measured")

    def grow(self, events: int, log: Generator) -> list[Figure]:
        """Make the log so long."""
        self.written += live.produce(self.machine.bootstrap, log.records(events - self.written))
        return []


def measure(bench: Bench, wanted: set[str]) -> None:
    """Run the wanted parts, in the order in which one needs the other's figures."""
    machine, events, log = bench.machine, bench.events, Generator()
    if "core" in wanted:
        bench.part("write the log", lambda: bench.grow(events, log))
        bench.part("read the log", lambda: folding.read(machine, events)[1])
        bench.part("bare fold", lambda: folding.bare(machine, events)[1])
        bench.part("live", lambda: live.catch_up(machine, events, bench.value("bare fold")))
        bench.part(
            "pymongo loop",
            lambda: live.loop(machine, events, bench.value("live: rate of a catch-up")),
        )
        bench.part(
            "rebuild",
            lambda: live.rebuild(
                machine, events, events / bench.value("just reading the log: rate")
            ),
        )
    if "fresh" in wanted:
        sizes = [size for size in GROWTH if size < events] + [events]
        for size in sizes:
            bench.part(
                f"freshness at {size:,}",
                lambda size=size: _fresh(bench, size, size == sizes[-1]),  # type: ignore[misc]
            )
    if "peers" in wanted:
        bench.part("DuckDB", lambda: peers.duckdb(events))
        bench.part("PostgreSQL", lambda: peers.postgres(events))
        bench.part("Quix Streams", lambda: quix.measure(machine, events, bench.value("bare fold")))


def _fresh(bench: Bench, size: int, is_last: bool) -> list[Figure]:
    """Measure with a log of this length, on a broker of its own: the log only ever grows."""
    folder = Path(tempfile.mkdtemp(dir=bench.machine.folder))
    with Machine(folder, bench.machine.broker_kind) as machine:
        log = Generator()
        live.produce(machine.bootstrap, log.records(size))
        return freshness.measure(machine, size, is_last, {"works": f"{log.works:,}"})


def submit(bench: Bench) -> list[Figure]:
    """Measure what a user waits for, through all services."""
    folder = Path(tempfile.mkdtemp(dir=bench.machine.folder))
    with (
        Machine(folder, bench.machine.broker_kind) as machine,
        submitting.stack(machine, bench.events) as running,
    ):
        rounds = (submitting.at_a_rate(running, rate, bench.events) for rate in RATES)
        return list(chain.from_iterable(rounds))


def share(bench: Bench) -> None:
    """Measure what callers cost each other, on the demo's data."""
    with company.stack(bench.machine.folder) as running:
        bench.part("explain", lambda: company.explanations(running))
        bench.part("idle streams", lambda: company.idle_streams(running))


def browse(bench: Bench) -> None:
    """Measure the portal, on the demo's data."""
    with company.stack(bench.machine.folder) as running:
        bench.part("overview", lambda: pages.overview(running))
        bench.part("a live page", lambda: screens.one_page(running))
        bench.part("live pages", lambda: screens.many_pages(running))


def main(arguments: list[str]) -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("events", nargs="?", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=importing.ROWS)
    parser.add_argument(
        "--parts", default="core,fresh,submit,company,portal,peers,import,start,commands,tables"
    )
    parser.add_argument("--broker", choices=("kafka", "embedded"), default="")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args(arguments)
    console, wanted = Console(width=WIDTH), set(given.parts.split(","))
    reason = apache_kafka.unavailable()
    broker = given.broker or ("embedded" if reason else "kafka")
    console.print(f"{described()}, broker: {broker}{f' ({reason})' if reason else ''}")
    console.print(f"database: {database_program()}")
    folder = Path(tempfile.mkdtemp(prefix="kieng-bench-"))
    columns = TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn()
    try:
        with Progress(*columns, console=console) as progress, Machine(folder, broker) as machine:
            bench = Bench(machine, given.events, given.rows, console, progress)
            measure(bench, wanted)
            if "submit" in wanted:
                bench.part("submit to visible", lambda: submit(bench))
            if "import" in wanted:
                bench.part("import", lambda: importing.measure(folder / "import", bench.rows))
                bench.part("demo", lambda: demonstration.measure(folder / "demo", bench.value))
            if "start" in wanted:
                bench.part("start", lambda: starting.measure(folder / "start"))
            if "commands" in wanted:
                bench.part("commands", lambda: commands.measure(folder / "commands"))
            if "tables" in wanted:
                bench.part("tables", lambda: tables.measure(folder / "tables"))
            if "company" in wanted:
                share(bench)
            if "portal" in wanted:
                browse(bench)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report(bench, broker, given.out)


def report(bench: Bench, broker: str, out: Path) -> int:
    """Print and write what was measured; return the exit code."""
    machine = {**described(), "broker": broker, "database": database_program()}
    machine |= {"events": bench.events}
    whole = [
        Figure(f.name, f.value, f.unit, f.samples, {**f.config, **machine}) for f in bench.figures
    ]
    write(whole, out)
    show(bench.figures, bench.console)
    for line in bench.left_out:
        bench.console.print(f"left out: {line}", markup=False)
    for line in bench.failed:
        bench.console.print(f"FAILED: {line}", markup=False)
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
