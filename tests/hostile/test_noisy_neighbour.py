"""What one university notices of another that misbehaves: nothing but twice its usual p99."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.e2e.calls import article, creation
from tests.e2e.running import RunningStack

OBSERVED_SECONDS = 12.0
PAUSE_SECONDS = 0.05
CALL_SECONDS = 20.0
P99_FACTOR_MAX = 2.0
# A p99 that is below it is good whatever it was before; two busy cores are no quiet laboratory.
P99_SECONDS_FINE = 0.15
VICTIM, ATTACKER = "hust", "vnu"
# Processes that want a core, above which times say more of the machine than of the product.
LOAD_MAX = 3.0
NUMBERS = count()

HELD_OPEN = {"kpi": "half_open,watchers,forged", "submissions": "half_open,idle_imports,forged"}
EXPENSIVE = {"kpi": "explanations,replays", "submissions": "lists"}
# Each of these calls keeps the database busy for seconds; the front can only keep them few.
COSTLY = pytest.mark.xfail(reason="lists without an index, ExplainKpi of many documents")


@dataclass
class Seen:
    """What a victim saw: seconds of each answered call, and the statuses of the others."""

    seconds: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        """The 99th percentile of the seconds; a failed call took the longest."""
        return sorted([*self.seconds, *[CALL_SECONDS] * len(self.failed)])[int(self.calls * 0.99)]

    def __str__(self) -> str:
        """Return it as words."""
        return f"{self.p99 * 1000:.0f} ms ({self.calls} calls, {len(self.failed)} failed)"

    @property
    def calls(self) -> int:
        """The number of all calls."""
        return len(self.seconds) + len(self.failed)


def observe(stack: RunningStack, seconds: float) -> dict[str, Seen]:
    """What the victim sees, submitting and reading at a steady, ordinary pace."""
    author = (("authorization", f"Bearer {stack.token(VICTIM, 'contributor')}"),)
    viewer = (("authorization", f"Bearer {stack.token(VICTIM, 'viewer')}"),)
    wanted = view_pb2.Selection(
        unit_ids=[VICTIM], indicator_codes=["KNW-03"], from_month="2021-01", to_month="2021-12"
    )
    seen = {"submit": Seen(), "GetKpis": Seen()}
    with stack.channel("submissions") as writes, stack.channel("kpi") as reads:
        submit = SubmissionServiceStub(writes).CreateSubmission
        get = KpiServiceStub(reads).GetKpis

        def submitted() -> None:
            request = creation("hust/sem", article(f"10.5555/calm.{next(NUMBERS)}", "2025-03-01"))
            submit(request, timeout=CALL_SECONDS, metadata=author)

        def read() -> None:
            request = kpi_service_pb2.GetKpisRequest(selection=wanted)
            get(request, timeout=CALL_SECONDS, metadata=viewer)

        callers = [
            threading.Thread(target=_pace, args=(call, seen[name], seconds))
            for name, call in (("submit", submitted), ("GetKpis", read))
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    return seen


def _pace(call: Callable[[], None], seen: Seen, seconds: float) -> None:
    pause, end = threading.Event(), time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.perf_counter()
        try:
            call()
            seen.seconds.append(time.perf_counter() - begin)
        except grpc.RpcError as error:
            seen.failed.append(str(error))
        pause.wait(PAUSE_SECONDS)


@contextmanager
def attacking(stack: RunningStack, service: str, kinds: str) -> Iterator[None]:
    """A process of the attacker, while the block runs."""
    token = stack.token(ATTACKER, "contributor", "viewer", "auditor", subject="attacker@vnu")
    argv = (sys.executable, "-m", "tests.hostile.attacker", kinds, stack.stack.address(service))
    with subprocess.Popen((*argv, token), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"attacking\n"
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(20)


@pytest.mark.parametrize(
    "attacks",
    [HELD_OPEN, pytest.param(EXPENSIVE, marks=COSTLY)],
    ids=["held open", "expensive"],
)
def test_the_others_hardly_notice_an_institution_that_attacks(
    attacked: RunningStack, attacks: dict[str, str], measured: Callable[[str], None]
) -> None:
    observe(attacked, 2.0)
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    calm = observe(attacked, OBSERVED_SECONDS)
    with ExitStack() as processes:
        for service, kinds in attacks.items():
            processes.enter_context(attacking(attacked, service, kinds))
        observe(attacked, 2.0)
        stormy = observe(attacked, OBSERVED_SECONDS)
    after = observe(attacked, OBSERVED_SECONDS / 2)
    for name in calm:
        shown = ", ".join(
            f"{when} {seen[name]}"
            for when, seen in (("calm", calm), ("attacked", stormy), ("after", after))
        )
        measured(f"p99 of a neighbour's {name}: {shown}")
    failed: list[Any] = [
        calm[name].failed + stormy[name].failed + after[name].failed for name in calm
    ]
    assert not any(failed), failed
    if load > LOAD_MAX:
        measured(f"p99 not judged: {load:.0f} processes want each core without the attack")
        return
    for name, seen in calm.items():
        fine = max(P99_FACTOR_MAX * seen.p99, P99_SECONDS_FINE)
        assert stormy[name].p99 <= fine, name
        assert after[name].p99 <= fine, name
