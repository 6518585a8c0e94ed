"""A release is replaced under load: a second replica beside each service, then the first drains."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path

import grpc
import pytest

from kieng.directory.v1 import directory_service_pb2
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from kieng.notifications.v1 import notification_service_pb2
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.e2e.calls import article, creation
from tests.e2e.replicas import answers, loading, replica
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

SERVICE_CONFIG = Path(__file__).parents[2] / "protos" / "service-config.json"
YEAR = ("2019-01", "2019-12")
SERVED = ("partners", "submissions", "kpi.query", "notifications")
SECONDS = 20.0
DRAINS = 2


def counted(stack: RunningStack) -> int:
    (cell,) = stack.kpis(["vnu/uet"], *YEAR, "KNW-03")["cells"]
    return int(cell["declared"])


def channel(stack: ExitStack, *addresses: str) -> grpc.Channel:
    """A client as docs/integrating.md describes it; `ipv4:` names several replicas in Python."""
    options = [("grpc.service_config", SERVICE_CONFIG.read_text()), ("grpc.enable_retries", 1)]
    return stack.enter_context(grpc.insecure_channel(f"ipv4:{','.join(addresses)}", options))


class Repeating:
    """Repeats once what a drain cut off after its 15 seconds, and counts how often it had to."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def __call__(self, call: Callable[[], object]) -> object:
        """Call, and again when it was cancelled."""
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED:
                raise
            with self._lock:
                self.count += 1
            return call()


def calls(
    stack: RunningStack, channels: dict[str, grpc.Channel], repeated: Repeating
) -> dict[str, Callable[[], object]]:
    """One kind of call for each service; every submission is another article."""
    numbers = count()
    author = (("authorization", f"Bearer {stack.token('vnu', 'contributor')}"),)
    reader = (("authorization", f"Bearer {stack.token('vnu', 'viewer')}"),)
    first, last = YEAR
    wanted = view_pb2.Selection(
        unit_ids=["vnu/uet"], indicator_codes=["KNW-03"], from_month=first, to_month=last
    )
    asked = kpi_service_pb2.GetKpisRequest(selection=wanted)
    submissions = SubmissionServiceStub(channels["submissions"])
    kpis = KpiServiceStub(channels["kpi.query"])
    directory = DirectoryServiceStub(channels["partners"])
    inbox = NotificationServiceStub(channels["notifications"])
    search = directory_service_pb2.SearchUnitsRequest(query="vat ly")
    listed = notification_service_pb2.ListNotificationsRequest()

    def submit() -> object:
        request = creation("vnu/uet", article(f"10.5555/e2e.rolling.{next(numbers)}", "2019-05-05"))
        return repeated(
            lambda: submissions.CreateSubmission(request, timeout=SECONDS, metadata=author)
        )

    return {
        "submissions": submit,
        "kpi.query": lambda: repeated(
            lambda: kpis.GetKpis(asked, timeout=SECONDS, metadata=reader)
        ),
        "partners": lambda: repeated(
            lambda: directory.SearchUnits(search, timeout=SECONDS, metadata=reader)
        ),
        "notifications": lambda: repeated(
            lambda: inbox.ListNotifications(listed, timeout=SECONDS, metadata=reader)
        ),
    }


def is_new(stack: RunningStack, name: str, old: int) -> bool:
    return stack.pid(name) != old


@pytest.mark.slow
def test_every_service_is_replaced_under_load_and_no_call_fails(
    stack: RunningStack, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    before = counted(stack)
    with ExitStack() as opened:
        second = {
            name: opened.enter_context(replica(stack, name, tmp_path / f"{name}.log"))
            for name in SERVED
        }
        first = {name: stack.stack.processes[name].grpc for name in SERVED}
        channels = {name: channel(opened, first[name], second[name][0]) for name in SERVED}
        repeated = Repeating()
        made = calls(stack, channels, repeated)
        with loading() as load:
            callers = (*made.values(), made["submissions"])
            for call in callers:
                load.start(call)
            load.at_least(100)
            for name in (*SERVED, "kpi.aggregator"):
                process = stack.stack.processes[name]
                os.kill(process.pid, signal.SIGTERM)
                wait_until(partial(is_new, stack, name, process.pid), 40, f"a new {name}")
                wait_until(partial(answers, process.http), 40, f"the new {name} is ready")
                load.at_least(50)
            for _, beside in second.values():
                beside.send_signal(signal.SIGTERM)
            codes = [beside.wait(25) for _, beside in second.values()]
            load.at_least(50)
        assert load.failed == []
        assert codes == [0] * len(SERVED)
    told = f"{load.done} calls, {len(load.failed)} failed, {repeated.count} repeated"
    measured(f"rolling restart of 5 services: {told}")
    # Each caller has one call under way, and its service drains twice: no drain may cut off more.
    assert repeated.count <= DRAINS * len(callers), told
    found = stack.json("submission", "list", "--unit", "vnu/uet", "--limit", "5000")
    taken = [s for s in found["submissions"] if "e2e.rolling" in s["work_key"]]
    assert len({one["work_key"] for one in taken}) == len(taken)
    wait_until(lambda: counted(stack) == before + len(taken), 60, "all are counted once")
