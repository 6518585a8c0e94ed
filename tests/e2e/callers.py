"""Callers who write and read without an end, and what they are answered while parts are down."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import grpc

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.submissions.v1 import submission_service_pb2 as api
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

UNIT, INSTITUTION, INDICATOR = "vnu/uet", "vnu", "KNW-03"
DAY, YEAR = "2017-05-05", ("2017-01", "2017-12")
PAUSE_SECONDS = 0.2
CALL_SECONDS = 20.0


class Callers:
    """One who submits an article after the other, and one who asks for their number.

    Args:
        stack: the stack.
        prefix: makes their articles others than those of other callers.
    """

    def __init__(self, stack: RunningStack, prefix: str) -> None:
        self.prefix = prefix
        self.taken: set[str] = set()
        self.refused: list[api.CreateSubmissionRequest] = []
        self.writes: Counter[str] = Counter()
        self.reads: Counter[str] = Counter()
        self._author = Caller(stack, INSTITUTION, "contributor", seconds=CALL_SECONDS)
        self._reader = Caller(stack, INSTITUTION, "viewer", seconds=CALL_SECONDS)
        self._numbers = count()
        self._stop = threading.Event()
        self.base = self.counted()
        """What was counted before the first of them."""

    def write(self) -> None:
        """Submit the next article; keep what was refused."""
        doi = f"10.5555/e2e.{self.prefix}.{next(self._numbers)}"
        request = creation(UNIT, article(doi, DAY))
        try:
            self.taken.add(self._author.create(request).work_key)
        except grpc.RpcError as error:
            self.refused.append(request)
            self.writes[error.code().name] += 1
        else:
            self.writes["OK"] += 1

    def read(self) -> None:
        """Ask for the number."""
        try:
            self.counted()
        except grpc.RpcError as error:
            self.reads[error.code().name] += 1
        else:
            self.reads["OK"] += 1

    def counted(self) -> int:
        """How many articles the live view counts."""
        first, last = YEAR
        wanted = view_pb2.Selection(
            unit_ids=[UNIT], indicator_codes=[INDICATOR], from_month=first, to_month=last
        )
        request = kpi_service_pb2.GetKpisRequest(selection=wanted)
        cells = self._reader.call("kpi", KpiServiceStub, "GetKpis", request).cells
        return int(cells[0].declared.whole)

    def repeat_refused(self) -> None:
        """Repeat what was refused as it was, as the contract tells callers to do."""
        while self.refused:
            self.taken.add(self._author.create(self.refused[-1]).work_key)
            self.refused.pop()

    def at_least(self, more: int, seconds: float) -> None:
        """Wait until so many further submissions are taken."""
        wanted = len(self.taken) + more
        wait_until(lambda: len(self.taken) >= wanted, seconds, f"{more} further submissions")

    def loop(self, call: Callable[[], None]) -> None:
        """Call again and again until told to stop."""
        while not self._stop.is_set():
            call()
            self._stop.wait(PAUSE_SECONDS)

    def stop(self) -> None:
        """Let no further call begin."""
        self._stop.set()


@contextmanager
def calling(stack: RunningStack, prefix: str) -> Iterator[Callers]:
    """Call until the block ends; their last calls have been answered then."""
    callers = Callers(stack, prefix)
    threads = [
        threading.Thread(target=callers.loop, args=(call,), daemon=True)
        for call in (callers.write, callers.read)
    ]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        callers.stop()
        for thread in threads:
            thread.join(CALL_SECONDS)
