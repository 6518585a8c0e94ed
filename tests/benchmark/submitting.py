"""From a call of CreateSubmission to the number, through every service, as a user meets it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread
from typing import Any

import grpc

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.kpi.offline.verification import read_units
from tests.benchmark.figures import Figure, quantiles
from tests.benchmark.generator import Generator
from tests.benchmark.live import load, produce
from tests.benchmark.machine import ROOT, Machine
from tests.e2e.calls import article, creation
from tests.e2e.running import RunningStack

SECONDS = 10
CALLERS = 16
UNIT = "vnu/hus/physics"
LATE_SECONDS = 30.0


@contextmanager
def stack(machine: Machine, events: int) -> Iterator[RunningStack]:
    """Run `kieng up` on a log of so many events, which its view has counted."""
    directory = ROOT / "deploy" / "directory" / "units.yaml"
    tree = read_units(directory)
    claiming = [unit.unit_id for unit in tree if "/" in unit.unit_id]
    produce(machine.bootstrap, Generator(unit_ids=claiming).records(events))
    with machine.database(tree) as database:
        load(machine, database, events)
        (machine.folder / "up").mkdir()
        running = RunningStack(machine.folder / "up", "embedded", {})
        try:
            elsewhere = ("--kafka", machine.bootstrap, "--mongo", database.uri)
            running.start("up", *elsewhere, until="kieng doctor")
            # Beside a view that counts it takes this for no new installation.
            running.agreed("unit", "publish", str(directory))
            yield running
        finally:
            running.stop()


class Watcher(Thread):
    """Notes when each further article of the consortium became visible."""

    def __init__(self, stub: KpiServiceStub, metadata: Any) -> None:
        super().__init__(daemon=True)
        wanted = view_pb2.Selection(
            unit_ids=["consortium"],
            indicator_codes=["KNW-03"],
            from_month="2025-01",
            to_month="2025-12",
        )
        request = kpi_service_pb2.WatchKpisRequest(selection=wanted)
        self.stream = stub.WatchKpis(request, timeout=600, metadata=metadata)
        self.seen_at: list[float] = []
        self.base = self._value(next(self.stream))

    def run(self) -> None:
        """Read the stream until it is cancelled."""
        try:
            for message in self.stream:
                now, value = time.perf_counter(), self._value(message)
                self.seen_at += [now] * (value - self.base - len(self.seen_at))
        except grpc.RpcError:
            return  # the stream was cancelled

    def _value(self, message: Any) -> int:
        values = [cell.declared.whole for cell in message.cells]
        return int(values[0]) if values else self.base + len(self.seen_at)

    def wait_for(self, count: int) -> None:
        """Return once so many further articles are visible, and end the stream.

        Raises:
            RuntimeError: they are not in half a minute.
        """
        deadline = time.monotonic() + LATE_SECONDS
        while len(self.seen_at) < count and time.monotonic() < deadline:
            signal.sigtimedwait([signal.SIGUSR2], 0.05)
        self.stream.cancel()
        if len(self.seen_at) < count:
            raise RuntimeError(f"{len(self.seen_at)} of {count} became visible")


def submit(running: RunningStack, name: str, rate: int, seconds: int) -> list[tuple[float, float]]:
    """Submit articles at a rate; return when each call began and ended, in order.

    Args:
        running: the stack.
        name: is part of their DOIs, so that each is another work.
        rate: articles a second.
        seconds: for so long.
    """
    author = (("authorization", f"Bearer {running.token('vnu', 'contributor')}"),)
    with running.channel("submissions") as channel:
        stub = SubmissionServiceStub(channel)

        def call(number: int) -> tuple[float, float]:
            request = creation(UNIT, article(f"10.5555/{name}.{rate}.{number}", "2025-03-01"))
            began = time.perf_counter()
            stub.CreateSubmission(request, timeout=30, metadata=author)
            return began, time.perf_counter()

        began, futures = time.perf_counter(), []
        with ThreadPoolExecutor(CALLERS) as pool:
            for number in range(rate * seconds):
                due = began + number / rate - time.perf_counter()
                if due > 0:
                    signal.sigtimedwait([signal.SIGUSR2], due)
                futures.append(pool.submit(call, number))
            return sorted(future.result() for future in futures)


def at_a_rate(running: RunningStack, rate: int, events: int) -> list[Figure]:
    """Submit articles at a rate; the n-th submitted is compared with the n-th that is visible."""
    viewer = (("authorization", f"Bearer {running.token('consortium', 'viewer')}"),)
    with running.channel("kpi") as kpi:
        watcher = Watcher(KpiServiceStub(kpi), viewer)
        watcher.start()
        began = time.perf_counter()
        calls = submit(running, "rate", rate, SECONDS)
        reached = len(calls) / (time.perf_counter() - began)
        watcher.wait_for(len(calls))
    times = [seen - sent for (sent, _), seen in zip(calls, watcher.seen_at, strict=False)]
    how = {"reached": f"{reached:.0f}/s", "callers": CALLERS, "loaded": f"{events:,} events"}
    return [
        *quantiles(f"submit to acknowledged at {rate}/s", [end - at for at, end in calls], **how),
        *quantiles(f"submit to visible at {rate}/s", times, **how, target="p99 <= 250 at 200/s"),
    ]
