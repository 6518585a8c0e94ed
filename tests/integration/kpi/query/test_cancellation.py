"""Work ends when its caller leaves: no further work is read or decoded for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from kieng.kpi.v1 import kpi_service_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.kernel.metrics import GRPC_RUNNING
from services.kpi.config import Settings
from services.kpi.query import contradictions, explanation, overlaps
from services.kpi.store.cancellation import CallerLeft
from services.kpi.store.reads import Snapshots
from tests.integration.kpi import tokens
from tests.integration.kpi.conftest import Stored
from tests.integration.kpi.logs import log
from tests.integration.kpi.test_service import Stack, kpis_or_none, publish_catalogue, running
from tests.integration.kpi.test_service import settings as settings
from tests.unit.kpi.builders import article, changed
from tests.waiting import wait_until

WORKS = 12
MONTHS = {"from_month": "2025-01", "to_month": "2025-07"}
CODE = "KNW-03"


class Restoring:
    """Counts the works that are decoded; the first waits until it may go on."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self._real = real
        self.count = 0
        self.began, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *given: Any) -> Any:
        self.count += 1
        self.began.set()
        self.go_on.wait(20)
        return self._real(*given)


@contextmanager
def restoring(module: Any) -> Iterator[Restoring]:
    with pytest.MonkeyPatch.context() as patch:
        made = Restoring(module.restored_of)
        patch.setattr(module, "restored_of", made)
        yield made


@pytest.fixture
def asked() -> list[Callable[[], bool]]:
    """What tells whether the caller of a call is there, in the order of calls."""
    return []


@pytest.fixture
def stack(settings: Settings, asked: list[Callable[[], bool]]) -> Iterator[Stack]:
    """The service with works that two institutions claim."""
    real = Snapshots.asked_by

    def asked_by(self: Snapshots, is_wanted: Callable[[], bool]) -> Snapshots:
        asked.append(is_wanted)
        return real(self, is_wanted)

    with pytest.MonkeyPatch.context() as patch, running(settings) as stack:
        patch.setattr(Snapshots, "asked_by", asked_by)
        wait_until(lambda: "no catalogue" in stack.unready())
        publish_catalogue(stack)
        for number in range(WORKS):
            for unit in ("alpha", "beta"):
                fact = article(unit)
                claim = changed(f"{unit}.{number}", 1, f"doi:10.1/{number:02}", fact, fact, unit)
                stack.publish(claim)
        whole = {"root": WORKS, "alpha": WORKS, "beta": WORKS}
        wait_until(lambda: kpis_or_none(stack) == whole)
        yield stack


RANGE: Any = {"unit_id": "root", "indicator_code": CODE, **MONTHS}
EXPLAIN = kpi_service_pb2.ExplainKpiRequest(**RANGE)
SELECTED: Any = {"unit_ids": ["root"], "indicator_codes": [CODE], **MONTHS}
MARKED = kpi_service_pb2.GetKpisRequest(selection=SELECTED, with_contradictions=True)
READERS: list[tuple[str, Message, Any]] = [
    ("ExplainKpi", EXPLAIN, explanation),
    ("ListOverlaps", kpi_service_pb2.ListOverlapsRequest(**RANGE), overlaps),
    ("GetOverlapMatrix", kpi_service_pb2.GetOverlapMatrixRequest(**RANGE), overlaps),
    ("GetKpis", MARKED, contradictions),
]


def running_calls() -> float:
    return sum(sample.value for each in GRPC_RUNNING.collect() for sample in each.samples)


def leave(
    stack: Stack, asked: list[Callable[[], bool]], works: Restoring, name: str, request: Message
) -> None:
    """Call, and leave while the first work is looked at; return when the work has ended."""
    method = getattr(KpiServiceStub(stack.channel), name)
    call = method.future(request, timeout=20, metadata=tokens.credential("root", "auditor"))
    assert works.began.wait(20)
    is_wanted = asked[-1]
    assert is_wanted()
    call.cancel()
    wait_until(lambda: not is_wanted(), what="the service knows that the caller has left")
    works.go_on.set()
    wait_until(lambda: not running_calls(), what="nobody works on it any more")


def test_a_caller_who_leaves_ends_the_work(stack: Stack, asked: list[Callable[[], bool]]) -> None:
    for name, request, module in READERS:
        with restoring(module) as works:
            works.go_on.set()
            stack.call(name, request)
            assert works.count >= WORKS, "with its caller there, it is done to the end"
        with restoring(module) as works:
            leave(stack, asked, works, name, request)
            assert works.count == 1, name
    with restoring(explanation) as works:
        with pytest.raises(grpc.RpcError) as error:
            stack.call("ExplainKpi", EXPLAIN, seconds=0.5)
        assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        wait_until(lambda: not asked[-1](), what="the service knows that the time is over")
        works.go_on.set()
        wait_until(lambda: not running_calls())
        assert works.count <= 1


def test_no_further_work_is_read_once_the_caller_has_left(stored: Stored) -> None:
    stored.claimed().apply(log(250))
    left = iter([True] * 5)
    snapshots = Snapshots(stored.mongo).asked_by(lambda: next(left, False))
    with pytest.raises(CallerLeft):
        explanation.explain(EXPLAIN, stored.fresh(), snapshots)
    assert next(left, None) is None
    answer = explanation.explain(EXPLAIN, stored.fresh(), Snapshots(stored.mongo))
    assert len(answer.works) > 5
