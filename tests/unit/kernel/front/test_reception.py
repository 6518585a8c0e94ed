"""Calls that are open without asking anything, and what the others notice of them."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import grpc as grpcio
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from services.kernel.config import KernelSettings
from services.kernel.front import queues, reception
from services.kernel.interceptors import Call
from services.kernel.metrics import serve_http
from services.kernel.runner import unready
from tests.unit.kernel.serving import IMPORT, SERVICE, Client, reason_of, refused, running, token
from tests.unit.kernel.test_metrics import get
from tests.waiting import wait_until

Code = grpcio.StatusCode
GET = f"/{SERVICE.full_name}/GetSubscription"
WATCH = f"/{SERVICE.full_name}/WatchNotifications"
IMPORTS = f"/{IMPORT.full_name}/ImportSubmissions"


def limited(settings: KernelSettings, **changed: Any) -> KernelSettings:
    return settings.model_copy(update={"grpc_workers": 2, "grpc_message_seconds": 20.0, **changed})


def bearer(credential: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {credential}"),) if credential else ()


@contextmanager
def half_open(client: Client, path: str, number: int, *credentials: str) -> Iterator[list[Any]]:
    """Calls of which only the headers are sent."""
    leave = threading.Event()

    def never() -> Iterator[bytes]:
        leave.wait()
        yield from ()

    call: Any = client.channel.stream_stream(path)
    calls = [
        call(never(), timeout=25, metadata=bearer(credential))
        for credential in (credentials or ("",))
        for _ in range(number)
    ]
    try:
        yield calls
    finally:
        for each in calls:
            each.cancel()
        leave.set()


def is_healthy(client: Client) -> bool:
    stub: Any = health_pb2_grpc.HealthStub(client.channel)
    status: int = stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status
    return status == health_pb2.HealthCheckResponse.SERVING


@contextmanager
def readiness(client: Client) -> Iterator[Callable[[], tuple[int, str]]]:
    """What `/readyz` of the process answers over HTTP."""
    http = serve_http("127.0.0.1", 0, {"/readyz": lambda: unready(client.container)})
    try:
        yield partial(get, http.server_port, "/readyz")
    finally:
        http.shutdown()
        http.server_close()


@pytest.mark.parametrize("path", [GET, WATCH, IMPORTS])
def test_calls_without_a_message_take_no_thread(settings: KernelSettings, path: str) -> None:
    with (
        running(limited(settings)) as client,
        half_open(client, path, 40, "", "garbage", token(), token("beta")),
    ):
        for _ in range(10):
            client.get(timeout=5)
        assert is_healthy(client)


def test_a_call_whose_message_does_not_come_ends_in_time(settings: KernelSettings) -> None:
    with (
        running(limited(settings, grpc_message_seconds=0.3)) as client,
        half_open(client, GET, 3, token()) as calls,
    ):
        for call in calls:
            error: Any = refused(lambda call=call: next(call))
            assert (error.code(), reason_of(error)) == (Code.DEADLINE_EXCEEDED, "TOO_SLOW")


def test_the_oldest_call_without_a_message_gives_way(
    settings: KernelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "HALF_OPEN_MAX", 5)
    with running(limited(settings)) as client, ExitStack() as opened:
        client.get()  # calls that wait for a connection are not sent in the order they were made
        calls = opened.enter_context(half_open(client, GET, 10, token()))
        client.get()
        for call in calls[:5]:
            error: Any = refused(lambda call=call: next(call))
            assert error.code() is Code.RESOURCE_EXHAUSTED
        assert all(call.is_active() for call in calls[6:])


def test_calls_that_are_half_open_do_not_delay_a_stop(settings: KernelSettings) -> None:
    with running(limited(settings)) as client, half_open(client, GET, 3, token()) as calls:
        client.get()
        client.container.stop()
        for call in calls:
            error: Any = refused(lambda call=call: next(call))
            assert error.code() is Code.UNAVAILABLE


def test_a_call_that_sends_no_message_at_all_is_refused(client: Client) -> None:
    call: Any = client.channel.stream_unary(GET)
    error: Any = refused(lambda: call(iter([]), timeout=5, metadata=bearer(token())))
    assert error.code() is Code.UNIMPLEMENTED


def test_corrupt_bytes_are_the_callers_fault_once_it_is_known(
    client: Client, capfd: pytest.CaptureFixture[str]
) -> None:
    call: Any = client.channel.unary_unary(GET)
    error: Any = refused(lambda: call(b"\xff\xff", timeout=5))
    assert (error.code(), reason_of(error)) == (Code.UNAUTHENTICATED, "BAD_CREDENTIAL")
    error = refused(lambda: call(b"\xff\xff", timeout=5, metadata=bearer(token())))
    assert (error.code(), reason_of(error)) == (Code.INVALID_ARGUMENT, "MALFORMED")
    stream: Any = client.channel.stream_stream(IMPORTS)
    rows = [ImportSubmissionsRequest().SerializeToString(), b"\xff\xff"]
    answers = stream(iter(rows), timeout=5, metadata=bearer(token()))
    assert next(answers) == b""
    error = refused(lambda: next(answers))
    assert (error.code(), reason_of(error)) == (Code.INVALID_ARGUMENT, "MALFORMED")
    health: Any = client.channel.unary_unary("/grpc.health.v1.Health/Check")
    error = refused(lambda: health(b"\xff\xff", timeout=5))
    assert error.code() is Code.INVALID_ARGUMENT
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err


@contextmanager
def idle_imports(client: Client, number: int, credential: str = "") -> Iterator[list[Any]]:
    """Import streams that send one row, take its answer and then nothing."""
    leave = threading.Event()

    def rows() -> Iterator[ImportSubmissionsRequest]:
        yield ImportSubmissionsRequest()
        leave.wait()

    stub = ImportServiceStub(client.channel)
    metadata = bearer(credential or token())
    calls = [stub.ImportSubmissions(rows(), timeout=300, metadata=metadata) for _ in range(number)]
    try:
        yield calls
    finally:
        for each in calls:
            each.cancel()
        leave.set()


def test_idle_streams_take_no_worker_and_end_in_time(settings: KernelSettings) -> None:
    with (
        running(limited(settings, grpc_idle_seconds=1.0)) as client,
        idle_imports(client, 8) as calls,
    ):
        for call in calls:
            next(call)
        client.get()
        for call in calls:
            error: Any = refused(lambda call=call: next(call))
            assert (error.code(), reason_of(error)) == (Code.DEADLINE_EXCEEDED, "TOO_SLOW")


def test_one_caller_and_one_institution_have_so_many_streams(settings: KernelSettings) -> None:
    few = {"grpc_streams_per_principal": 2, "grpc_streams_per_institution": 3}
    with running(limited(settings, **few)) as client, idle_imports(client, 2) as first:
        for call in first:
            next(call)
        with idle_imports(client, 1) as third, idle_imports(client, 1, token(sub="other")) as other:
            error: Any = refused(lambda: next(third[0]))
            assert (error.code(), reason_of(error)) == (Code.RESOURCE_EXHAUSTED, "LIMIT_REACHED")
            next(other[0])
            with idle_imports(client, 1, token(sub="third")) as full:
                assert refused(lambda: next(full[0])).code() is Code.RESOURCE_EXHAUSTED
            with idle_imports(client, 1, token("beta")) as beta:
                next(beta[0])
        client.get()


def test_a_caller_has_so_many_calls_and_is_told_when_to_repeat(settings: KernelSettings) -> None:
    entered, go_on = threading.Semaphore(0), threading.Event()

    def slow(request: Any, call: Call) -> None:
        entered.release()
        assert go_on.wait(20)

    few = limited(settings, grpc_calls_per_principal=2)
    with running(few) as client, ThreadPoolExecutor(2) as pool:
        client.behaviour.answer = slow
        both = [pool.submit(client.get) for _ in range(2)]
        try:
            assert entered.acquire(timeout=10)
            assert entered.acquire(timeout=10)
            error: Any = refused(client.get)
            assert error.code() is Code.RESOURCE_EXHAUSTED
            assert retry_seconds(error) > 0
        finally:
            go_on.set()
        [each.result(10) for each in both]
        client.get()


def retry_seconds(error: Any) -> float:
    _, retry = rpc_status.from_call(error).details
    delay = error_details_pb2.RetryInfo()
    assert retry.Unpack(delay)
    return float(delay.retry_delay.ToTimedelta().total_seconds())


def test_health_is_told_beside_busy_workers_and_says_saturated(
    settings: KernelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "STUCK_SECONDS", 0.2)
    go_on = threading.Event()

    def slow(request: Any, call: Call) -> None:
        assert go_on.wait(20)

    with (
        running(limited(settings)) as client,
        readiness(client) as ready,
        ThreadPoolExecutor(3) as pool,
    ):
        assert ready() == (200, "ok\n")
        client.behaviour.answer = slow
        calls = [pool.submit(client.get, timeout=20) for _ in range(3)]
        try:
            wait_until(lambda: not is_healthy(client))
            status, reason = ready()
            assert status == 503
            assert reason.startswith("saturated: 2 workers are busy")
        finally:
            go_on.set()
        [each.result(10) for each in calls]
        wait_until(lambda: is_healthy(client))
        assert ready() == (200, "ok\n")


def test_calls_that_come_all_at_once_are_all_taken(
    settings: KernelSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 2,000 watches that began at once gRPC cancelled up to 55 at random."""
    submit, pause = reception.Reception.submit, threading.Event()

    def slow(self: reception.Reception, *task: Any) -> Any:
        pause.wait(0.001)  # it takes calls more slowly than they come
        return submit(self, *task)

    monkeypatch.setattr(reception.Reception, "submit", slow)
    own = [("grpc.use_local_subchannel_pool", 1)]
    with running(limited(settings)) as client, ExitStack() as opened:
        calls = []
        for _ in range(8):
            address = f"127.0.0.1:{client.server.port}"
            channel = opened.enter_context(grpcio.insecure_channel(address, options=own))
            call: Any = channel.unary_unary(GET)
            calls += [call.future(b"", timeout=20) for _ in range(200)]
        assert Counter(each.code() for each in calls) == {Code.UNAUTHENTICATED: len(calls)}
