"""Parts that stop answering without closing a connection: every call ends at its limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1 import submission_service_pb2 as submissions
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack
from tests.pausing import paused
from tests.waiting import wait_until

# The limits of calls to the database and to the neighbour.
LIMIT_SECONDS = 5.0
# What a call takes beside its limit, on two busy cores.
SLACK_SECONDS = 2.5
BACK_SECONDS = 60.0
NUMBERS = count()


def calls(stack: RunningStack) -> dict[str, Callable[[], object]]:
    """One call of each kind: a write, reads, and one that asks a neighbour."""
    author = Caller(stack, "hust", "contributor", seconds=30.0)
    viewer = Caller(stack, "hust", "viewer", seconds=30.0)
    wanted = view_pb2.Selection(
        unit_ids=["hust"], indicator_codes=["KNW-03"], from_month="2021-01", to_month="2021-12"
    )

    def create() -> object:
        number = next(NUMBERS)
        return author.create(creation("hust/sem", article(f"10.5555/ice.{number}", "2025-03-01")))

    def show() -> object:
        request = submissions.ListSubmissionsRequest(page_size=1)
        return author.call("submissions", SubmissionServiceStub, "ListSubmissions", request)

    def read() -> object:
        request = kpi_service_pb2.GetKpisRequest(selection=wanted)
        return viewer.call("kpi", KpiServiceStub, "GetKpis", request)

    return {"CreateSubmission": create, "ListSubmissions": show, "GetKpis": read}


@pytest.mark.parametrize("part", ["database", "broker", "partners"])
def test_every_call_ends_at_its_limit_while_a_part_is_frozen(
    attacked: RunningStack, part: str, measured: Callable[[str], None]
) -> None:
    asked = calls(attacked)
    for call in asked.values():
        call()
    took: dict[str, str] = {}
    late = []
    with paused(attacked.pid(part)):
        for name, call in asked.items():
            begin = time.monotonic()
            try:
                call()
                code = "OK"
            except grpc.RpcError as error:
                code = error.code().name
            seconds = time.monotonic() - begin
            took[name] = f"{code} {seconds:.1f} s"
            if seconds > LIMIT_SECONDS + SLACK_SECONDS or code not in {"OK", "UNAVAILABLE"}:
                late.append(name)
    measured(f"{part} frozen: {took}")
    assert not late, took

    def is_back() -> bool:
        try:
            return all(call() is not None for call in asked.values())
        except grpc.RpcError:
            return False

    wait_until(is_back, BACK_SECONDS, f"calls answered after the {part} goes on")
