"""What callers cost each other, on the demo's data: explanations, and streams that are idle."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.channels import open_channel
from tests.benchmark.figures import Figure, quantiles
from tests.benchmark.machine import cpu_seconds
from tests.e2e.running import RunningStack

CALLS = 200
YEAR = ("2025-01", "2025-12")
INDICATOR = "KNW-03"
STREAMS = 2000
STREAMS_PER_CONNECTION = 100
IDLE_SECONDS = 30.0
LIMITS = {
    "KIENG_WATCHERS_MAX": str(STREAMS + 100),
    "KIENG_GRPC_STREAMS": str(STREAMS + 100),
    "KIENG_GRPC_STREAMS_PER_PRINCIPAL": str(STREAMS + 100),
    "KIENG_GRPC_STREAMS_PER_INSTITUTION": str(STREAMS + 100),
}


@contextmanager
def stack(folder: Path) -> Iterator[RunningStack]:
    """`kieng demo` with all of its data, on the embedded broker; room for the streams."""
    running = RunningStack(Path(tempfile.mkdtemp(dir=folder)), "embedded", LIMITS)
    try:
        running.start("demo", "--json-out", str(running.answer), until="kieng doctor")
        yield running
    finally:
        running.stop()


def explanations(running: RunningStack) -> list[Figure]:
    """Measure ExplainKpi of 12 months of the consortium: first pages, and all pages in turn."""
    first: list[float] = []
    later: list[float] = []
    metadata = (("authorization", f"Bearer {running.token('hust', 'viewer')}"),)
    pids = [running.pid(name) for name in ("kpi.query", "database")]
    with running.channel("kpi") as channel:
        call = KpiServiceStub(channel).ExplainKpi

        def page(token: str) -> tuple[float, str]:
            asked = kpi_service_pb2.ExplainKpiRequest(
                unit_id="consortium",
                indicator_code=INDICATOR,
                from_month=YEAR[0],
                to_month=YEAR[1],
                measure=kpi_service_pb2.MEASURE_DECLARED,
                page_token=token,
            )
            began = time.perf_counter()
            answer = call(asked, timeout=30, metadata=metadata)
            return time.perf_counter() - began, answer.next_page_token

        page("")
        used = sum(map(cpu_seconds, pids))
        while len(first) + len(later) < CALLS:
            seconds, token = page("")
            first.append(seconds)
            while token:
                seconds, token = page(token)
                later.append(seconds)
    each = (sum(map(cpu_seconds, pids)) - used) / (len(first) + len(later)) * 1000
    how: dict[str, Any] = {"cell": f"consortium, {INDICATOR}, 12 months", "page": "100 works"}
    return [
        *quantiles("explain, first page", first, **how, target="p99 < 50 ms"),
        *quantiles("explain, any page", [*first, *later], **how, target="p99 < 300 ms"),
        Figure("explain, CPU of a page", each, "ms", len(first) + len(later), how),
    ]


def idle_streams(running: RunningStack) -> list[Figure]:
    """Measure what watch streams cost their service while nothing changes."""
    metadata = (("authorization", f"Bearer {running.token('hust', 'viewer')}"),)
    wanted = view_pb2.Selection(
        unit_ids=["hust"], indicator_codes=[INDICATOR], from_month=YEAR[0], to_month=YEAR[1]
    )
    request = kpi_service_pb2.WatchKpisRequest(selection=wanted)
    pid = running.pid("kpi.query")
    cpu_before, memory_before = _idle(pid), _resident_mb(pid)
    address = running.stack.address("kpi")
    with ExitStack() as opened:
        streams: list[Any] = []
        own = [("grpc.use_local_subchannel_pool", 1)]
        for _ in range(STREAMS // STREAMS_PER_CONNECTION):
            channel = opened.enter_context(open_channel(running.stack, address, options=own))
            watch = KpiServiceStub(channel).WatchKpis
            begun = [watch(request, metadata=metadata) for _ in range(STREAMS_PER_CONNECTION)]
            # gRPC cancels some calls at random while more than 1,000 wait to be taken by a server.
            for stream in begun:
                next(stream)
            streams += begun
        cpu, memory = _idle(pid), _resident_mb(pid)
        for stream in streams:
            stream.cancel()
    how = {"streams": STREAMS, "seconds": IDLE_SECONDS}
    return [
        Figure("idle streams, memory", memory - memory_before, "MB", 1, {**how, "target": "< 150"}),
        Figure(
            "idle streams, CPU",
            (cpu - cpu_before) * 100,
            "% of a core",
            1,
            {**how, "target": "< 1", "without them": f"{cpu_before * 100:.2f}"},
        ),
    ]


def _idle(pid: int) -> float:
    """Return the part of a core that a process uses while nobody asks."""
    signal.sigtimedwait([signal.SIGUSR2], 3.0)  # what was asked before has ended
    begin = cpu_seconds(pid)
    signal.sigtimedwait([signal.SIGUSR2], IDLE_SECONDS)
    return (cpu_seconds(pid) - begin) / IDLE_SECONDS


def _resident_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1000
