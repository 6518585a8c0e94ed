"""What a stack needs: memory and CPU of every process at a rate of submissions, disk per event.

python -m tests.benchmark.sizing --broker kafka --rates 20,200 --seconds 30
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from rich.console import Console
from rich.progress import track

from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.benchmark.figures import Figure, show, write
from tests.benchmark.machine import cpu_seconds, described
from tests.e2e.calls import article, creation
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
CALLERS = 64
UNITS = ("vnu/hus", "vnu-hcm/hcmut", "hust/soict")
CAUGHT_UP_SECONDS = 120.0


def resident_mib(pid: int) -> float:
    """Return the memory that a process holds now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def worker(pid: int) -> int:
    """Return the process that does the work: a part may run below the one that watches it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return worker(int(children[0])) if children else pid


def bytes_of(folder: Path) -> int:
    """Return what the files of a folder occupy on the disk."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def submit(running: RunningStack, rate: int, seconds: int) -> tuple[int, list[float]]:
    """Offer articles of three universities at a rate; none is offered twice.

    Returns:
        How many were taken, and after how many seconds each refused one was to come again.
    """
    refused: list[float] = []
    tokens = {unit: running.token(unit.partition("/")[0], "contributor") for unit in UNITS}
    with running.channel("submissions") as channel, ThreadPoolExecutor(CALLERS) as pool:
        stub = SubmissionServiceStub(channel)

        def one(number: int) -> None:
            unit = UNITS[number % len(UNITS)]
            request = creation(unit, article(f"10.5555/sizing.{rate}.{number}", "2025-03-01"))
            metadata = (("authorization", f"Bearer {tokens[unit]}"),)
            try:
                stub.CreateSubmission(request, timeout=30, metadata=metadata)
            except grpc.RpcError as error:
                refused.append(retry_after(error))

        began, futures = time.perf_counter(), []
        for number in track(range(rate * seconds), f"{rate}/s", console=Console(stderr=True)):
            due = began + number / rate - time.perf_counter()
            if due > 0:
                signal.sigtimedwait([signal.SIGUSR2], due)
            futures.append(pool.submit(one, number))
        for future in futures:
            future.result()
    return len(futures) - len(refused), refused


def retry_after(error: grpc.RpcError) -> float:
    """Return after how many seconds a call that was refused for load is to be repeated.

    Raises the error again if it was not refused for load, or names no time.
    """
    status = rpc_status.from_call(cast(Any, error))
    for detail in status.details if status else ():
        info = error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            return float(info.retry_delay.ToTimedelta().total_seconds())
    raise error


def counted(running: RunningStack) -> int:
    """Return how many articles the consortium has declared."""
    (cell,) = running.kpis(["consortium"], "2025-01", "2025-12", "KNW-03")["cells"]
    return int(cell["declared"])


def at_a_rate(running: RunningStack, rate: int, seconds: int) -> list[Figure]:
    """Measure every process while submissions arrive at a rate."""
    pids = {name: worker(process.pid) for name, process in running.stack.processes.items()}
    before, base = {name: cpu_seconds(pid) for name, pid in pids.items()}, counted(running)
    began = time.perf_counter()
    taken, refused = submit(running, rate, seconds)
    answered = time.perf_counter()
    wait_until(lambda: counted(running) == base + taken, CAUGHT_UP_SECONDS, "all are counted")
    passed = time.perf_counter() - began
    how = {"rate": f"{taken / passed:.0f}/s", "seconds": round(passed)}
    behind, wait = time.perf_counter() - answered, max(refused, default=0.0)
    times = {**how, "come again after at most": f"{wait:.1f} s"}
    figures = [
        Figure(f"refused for load at {rate}/s", len(refused), "calls", rate * seconds, times),
        Figure(f"counted after the last answer at {rate}/s", round(behind, 1), "s", taken, how),
    ]
    for name, pid in sorted(pids.items()):
        cores = (cpu_seconds(pid) - before[name]) / passed
        figures.append(Figure(f"{name}: CPU at {rate}/s", round(cores, 3), "cores", taken, how))
        memory = round(resident_mib(pid))
        figures.append(Figure(f"{name}: memory at {rate}/s", memory, "MiB", 1, how))
    return figures


def measure(broker: str, rates: list[int], seconds: int) -> list[Figure]:
    """Run a stack of its own and measure it at each rate."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="kieng-sizing-") as folder:
        running = RunningStack(Path(folder), broker, {})
        data = {"log": running.data / "kafka", "database": running.data / "mongo"}
        try:
            running.start("up", until="kieng doctor")
            sizes = {name: bytes_of(place) for name, place in data.items() if place.is_dir()}
            for rate in rates:
                figures += at_a_rate(running, rate, seconds)
            events = counted(running)
        finally:
            running.stop()  # what is only in a journal so far is in its place afterwards
        for name, size in sizes.items():
            grown = (bytes_of(data[name]) - size) / events * 1e6 / 2**30
            figures.append(Figure(f"{name}: disk per million events", grown, "GiB", events))
    return figures


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table and write `build/sizing.json`."""
    parser = argparse.ArgumentParser(description=__doc__, prog="sizing")
    parser.add_argument("--broker", choices=("embedded", "kafka"), default="kafka")
    parser.add_argument("--rates", default="20,200", help="submissions a second, joined by commas")
    parser.add_argument("--seconds", type=int, default=30, help="how long each rate lasts")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    asked = parser.parse_args(arguments)
    try:
        rates = [int(rate) for rate in asked.rates.split(",")]
        figures = measure(asked.broker, rates, asked.seconds)
    except (AssertionError, ValueError, grpc.RpcError) as trouble:
        print(f"sizing: {trouble}", file=sys.stderr)
        return 1
    write(figures, ROOT / "build" / "sizing.json")
    if asked.output == "json":
        print(json.dumps({"machine": described(), "figures": [asdict(f) for f in figures]}))
        return 0
    machine: dict[str, Any] = described()
    console = Console()
    console.print(", ".join(f"{key} {value}" for key, value in machine.items()))
    show(figures, console)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
