"""`python -m tests.benchmark.beside OTHER`: two builds of the product in one run, round by round.

OTHER is a checkout of another commit with a `.venv` of its own. Both start `kieng up` with an empty
folder. Rounds alternate, so that whatever else the machine does meets both; the median of the
rounds counts. CPU time is that of the service that answers, and steady on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import grpc

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.benchmark.machine import ROOT, cpu_seconds, wait_until
from tests.e2e.calls import article, creation

CALLERS = 4
START_SECONDS = 300.0
RATE_MIN = 0.9
P99_MAX = 1.15
NUMBERS = count()
Call = Callable[[], object]


@dataclass
class Rounds:
    """Rates, p99 in ms and CPU in ms a call, of one kind of call at one build, by round.

    ``cpus`` are of the service that answers, ``stored`` of the database.
    """

    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)
    stored: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the medians as words."""
        several = self.rates, self.p99s, self.cpus, self.stored
        rate, p99, cpu, stored = map(statistics.median, several)
        return f"{rate:.0f}/s, p99 {p99:.1f} ms, CPU {cpu:.2f} ms and {stored:.2f} in the database"


class Build:
    """A checkout and its running stack."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.kieng, self.data = checkout / ".venv" / "bin" / "kieng", folder / "data"
        # A process started elsewhere would import what lies there.
        self._where: dict[str, Any] = {"cwd": checkout, "stdin": subprocess.DEVNULL}
        self._where["env"] = {**os.environ, "KIENG_LANG": "en"}
        self._log = folder / "kieng.log"
        self.rounds = {"submit": Rounds(), "GetKpis": Rounds()}

    @contextmanager
    def running(self) -> Iterator[None]:
        """`kieng up`, until the block ends."""
        argv = (str(self.kieng), "up", "--data", str(self.data), "--broker", "embedded")
        with self._log.open("wb") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, **self._where)

        def is_up() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{self.kieng} up ended: {self._log.read_text()[-2000:]}")
            return "kieng doctor" in self._log.read_text()

        try:
            wait_until(is_up, START_SECONDS, f"{self.kieng} up")
            self.processes = json.loads((self.data / "stack.json").read_text())["processes"]
            yield
        finally:
            process.terminate()
            process.wait(60)

    def metadata(self, institution: str, role: str) -> tuple[tuple[str, str], ...]:
        """Credential by the build's own command."""
        names = ("--institution", institution, "--role", role, "--data", str(self.data))
        argv = (str(self.kieng), "token", *names)
        token = subprocess.check_output(argv, text=True, **self._where).strip()
        return (("authorization", f"Bearer {token}"),)

    def round(self, name: str, process: str, call: Call, seconds: float) -> None:
        """Make one kind of call by several callers for a time."""
        took: list[float] = []
        end = time.monotonic() + seconds

        def repeat() -> None:
            while time.monotonic() < end:
                began = time.perf_counter()
                call()
                took.append(time.perf_counter() - began)

        pids = [self.processes[name]["pid"] for name in (process, "database")]
        begin, used = time.monotonic(), [cpu_seconds(pid) for pid in pids]
        threads = [threading.Thread(target=repeat) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.monotonic() - begin
        cpu, stored = (cpu_seconds(pid) - was for pid, was in zip(pids, used, strict=True))
        if not took:
            raise RuntimeError(f"no {name} was answered by {self.kieng}")
        rounds = self.rounds[name]
        rounds.rates.append(len(took) / wall)
        rounds.p99s.append(sorted(took)[int(len(took) * 0.99)] * 1000)
        rounds.cpus.append(cpu / len(took) * 1000)
        rounds.stored.append(stored / len(took) * 1000)


def calls(build: Build, opened: ExitStack) -> dict[str, tuple[str, Call]]:
    """Return each kind of call: the process that answers it, and how it is made."""

    def channel(process: str) -> grpc.Channel:
        address = build.processes[process]["grpc"]
        return opened.enter_context(grpc.insecure_channel(address))

    author, viewer = build.metadata("hust", "contributor"), build.metadata("hust", "viewer")
    submissions: Any = SubmissionServiceStub(channel("submissions"))
    kpis: Any = KpiServiceStub(channel("kpi.query"))
    wanted = view_pb2.Selection(
        unit_ids=["hust"], indicator_codes=["KNW-03"], from_month="2025-01", to_month="2025-12"
    )
    asked = kpi_service_pb2.GetKpisRequest(selection=wanted)

    def submit() -> object:
        request = creation("hust/sem", article(f"10.5555/beside.{next(NUMBERS)}", "2025-03-01"))
        return submissions.CreateSubmission(request, timeout=20, metadata=author)

    def read() -> object:
        return kpis.GetKpis(asked, timeout=20, metadata=viewer)

    return {"submit": ("submissions", submit), "GetKpis": ("kpi.query", read)}


def compare(old: Build, new: Build) -> list[str]:
    """Print what both came to, and return what misses its aim."""
    missed = []
    for name, before in old.rounds.items():
        after = new.rounds[name]
        rate = statistics.median(after.rates) / statistics.median(before.rates)
        p99 = statistics.median(after.p99s) / statistics.median(before.p99s)
        print(f"{name}: before {before}; after {after}; rate {rate:.2f}x, p99 {p99:.2f}x")
        if rate < RATE_MIN or p99 > P99_MAX:
            missed.append(name)
    return missed


def main(arguments: list[str]) -> int:
    """Run; return 1 if the present build is slower than it may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=6.0)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        builds = []
        for name, checkout in (("before", given.other.resolve()), ("after", ROOT)):
            (place := Path(folder) / name).mkdir()
            builds.append(Build(checkout, place))
            opened.enter_context(builds[-1].running())
        made = [calls(build, opened) for build in builds]
        for number in range(given.rounds + 1):
            for name in ("submit", "GetKpis"):
                for build, kinds in zip(builds, made, strict=True):
                    build.round(name, *kinds[name], given.seconds)
                    if not number:
                        build.rounds[name] = Rounds()  # the first round only warms up
        missed = compare(*builds)
    if missed:
        print(f"slower than {RATE_MIN}x the rate or {P99_MAX}x the p99: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
