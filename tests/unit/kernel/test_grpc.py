"""What the server does with a call: workers, streams, health, reflection, and how it stops."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import grpc as grpcio
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from services.kernel import metrics
from services.kernel.config import KernelSettings
from services.kernel.container import NativeContainer
from services.kernel.errors import NotFound
from services.kernel.grpc import grpc
from services.kernel.interceptors import Call
from services.kernel.mongo import Mongo, Store
from tests.unit.kernel.serving import (
    IMPORT,
    SERVICE,
    Behaviour,
    Client,
    Toy,
    refused,
    running,
    token,
    watch,
)

Code = grpcio.StatusCode


def counted(method: str, **labels: str) -> float | None:
    name = "grpc_server_handled_total" if labels else "grpc_server_started_total"
    all_labels = {"grpc_type": "unary", "grpc_service": SERVICE.full_name, "grpc_method": method}
    return REGISTRY.get_sample_value(name, {**all_labels, **labels})


@pytest.mark.parametrize("method", [*SERVICE.methods, *IMPORT.methods], ids=lambda m: m.name)
def test_a_service_with_a_missing_method_does_not_start(
    method: MethodDescriptor, settings: KernelSettings
) -> None:
    class Lacking(Toy):
        pass

    name = "".join(f"_{c.lower()}" if c.isupper() else c for c in method.name).lstrip("_")
    assert hasattr(Toy, name)
    setattr(Lacking, name, None)
    container = NativeContainer(Lacking, settings)
    with pytest.raises(LookupError, match=f"{method.full_name} has no method"):
        container.start()
    container.stop()


def test_a_worker_knows_who_calls_and_the_trace(client: Client) -> None:
    seen: list[Call] = []
    client.behaviour.answer = lambda request, call: seen.append(call)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    credential = token("beta", unit="beta/one")
    client.get(credential, traceparent=trace)
    client.get(traceparent="nonsense")
    (first, second) = seen
    assert (first.principal.institution_id, first.principal.unit_id) == ("beta", "beta/one")
    assert (first.token, first.traceparent) == (credential, trace)
    assert len(second.traceparent) == len(trace)
    assert second.traceparent[3:35] != trace[3:35]


def test_a_stream_of_answers_needs_no_deadline(client: Client) -> None:
    assert len(list(watch(client))) == 1


def test_each_step_of_a_stream_may_have_to_wait_unless_it_only_watches(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    turn = client.server.turn

    def noted(call: Any, method: Any, may_wait: bool) -> Any:
        asked.append(may_wait)
        return turn(call, method, may_wait)

    monkeypatch.setattr(client.server, "turn", noted)
    assert len(list(watch(client))) == 1
    assert asked == [True, False]
    asked.clear()
    stub = ImportServiceStub(client.channel)
    metadata = (("authorization", f"Bearer {token()}"),)
    rows = iter([ImportSubmissionsRequest()] * 2)
    assert len(list(stub.ImportSubmissions(rows, timeout=60, metadata=metadata))) == 2
    assert asked == [True, True, True]


def test_a_refusal_in_the_middle_of_a_stream_ends_it_with_its_status(client: Client) -> None:
    def fail(request: Any, call: Call) -> Iterator[Any]:
        yield api.WatchNotificationsResponse()
        raise NotFound("gone")

    client.behaviour.answer = fail
    stream = watch(client)
    assert (next(stream), next(stream)) == (api.WatchNotificationsResponse(),) * 2
    error: Any = refused(lambda: next(stream))
    assert (error.code(), error.details()) == (Code.NOT_FOUND, "gone")


def test_a_stream_that_its_caller_leaves_is_counted_as_cancelled(client: Client) -> None:
    labels = {
        "grpc_type": "server_stream",
        "grpc_service": SERVICE.full_name,
        "grpc_method": "WatchNotifications",
        "grpc_code": "CANCELLED",
    }

    def cancelled() -> float:
        return REGISTRY.get_sample_value("grpc_server_handled_total", labels) or 0

    def endless(request: Any, call: Call) -> Iterator[Any]:
        while True:
            yield api.WatchNotificationsResponse()

    client.behaviour.answer = endless
    before = cancelled()
    stream = watch(client)
    next(stream)
    stream.cancel()
    pause = Event()
    for _ in range(1000):
        if cancelled() == before + 1 or pause.wait(0.01):
            break
    assert cancelled() == before + 1


def test_every_method_is_counted_from_zero(client: Client) -> None:
    # Other tests of this process may have called it.
    metrics.GRPC_STARTED.clear()
    metrics.GRPC_HANDLED.clear()
    metrics.preset_grpc(SERVICE.methods)
    assert counted("SetSubscription") == 0.0
    for code in Code:
        assert counted("SetSubscription", grpc_code=code.name) == 0.0
    before = counted("GetSubscription") or 0
    client.get()
    refused(lambda: client.get("garbage"))
    assert counted("GetSubscription") == before + 2
    assert (counted("GetSubscription", grpc_code="UNAUTHENTICATED") or 0) >= 1


def health(client: Client, name: str = "") -> int:
    stub: Any = health_pb2_grpc.HealthStub(client.channel)
    request = health_pb2.HealthCheckRequest(service=name)
    status: int = stub.Check(request, timeout=5).status
    return status


def test_health_is_told_to_anybody(client: Client) -> None:
    for name in ("", SERVICE.full_name, IMPORT.full_name):
        assert health(client, name) == health_pb2.HealthCheckResponse.SERVING
    error: Any = refused(lambda: health(client, "other"))
    assert error.code() is Code.NOT_FOUND


def reflected(client: Client, version: str, **asked: str) -> Any:
    call = client.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    requests = iter([reflection_pb2.ServerReflectionRequest(**asked)])  # type: ignore[arg-type]
    (answer,) = call(requests, timeout=5)
    return answer


def listed(client: Client, version: str) -> list[str]:
    answer = reflected(client, version, list_services="")
    return [service.name for service in answer.list_services_response.service]


VERSIONS = ("v1", "v1alpha")


@pytest.mark.parametrize("version", VERSIONS)
def test_reflection_lists_the_services_until_it_is_switched_off(
    client: Client, settings: KernelSettings, version: str
) -> None:
    conventions = {f"grpc.reflection.{each}.ServerReflection" for each in VERSIONS}
    conventions.add("grpc.health.v1.Health")
    assert set(listed(client, version)) == {SERVICE.full_name, IMPORT.full_name, *conventions}
    with running(settings.model_copy(update={"reflection": False})) as closed:
        error: Any = refused(lambda: listed(closed, version))
    assert error.code() is Code.UNIMPLEMENTED


@pytest.mark.parametrize("version", VERSIONS)
def test_reflection_describes_every_service_that_it_lists(client: Client, version: str) -> None:
    for name in listed(client, version):
        answer = reflected(client, version, file_containing_symbol=name)
        files = [
            FileDescriptorProto.FromString(each)
            for each in answer.file_descriptor_response.file_descriptor_proto
        ]
        services = {f"{file.package}.{each.name}" for file in files for each in file.service}
        assert name in services, answer
        imported = {name for file in files for name in file.dependency}
        assert imported <= {file.name for file in files}


def test_a_stop_says_not_serving_and_lets_running_calls_end(settings: KernelSettings) -> None:
    entered, go_on = Event(), Event()

    def slow(request: Any, call: Call) -> None:
        entered.set()
        assert go_on.wait(10)

    with ThreadPoolExecutor(3) as pool, running(settings) as client:
        client.behaviour.answer = slow
        stub: Any = health_pb2_grpc.HealthStub(client.channel)
        changes = stub.Watch(health_pb2.HealthCheckRequest(), timeout=20)
        assert next(changes).status == health_pb2.HealthCheckResponse.SERVING
        call = pool.submit(client.get)
        assert entered.wait(10)
        stop = pool.submit(client.server.stop)
        assert next(changes).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert not call.done()
        changes.cancel()
        go_on.set()
        assert call.result(10) == api.GetSubscriptionResponse()
        stop.result(10)


def test_the_line_of_a_call_says_where_its_time_went(client: Client) -> None:
    def wait(request: Any, call: Call) -> None:
        Event().wait(0.05)

    client.behaviour.answer = wait
    with capture_logs() as said:
        client.get()
    (line,) = [each for each in said if each["event"] == "call"]
    assert line["ms"] >= 50 > line["cpu_ms"] >= 0
    assert line["waited_ms"] >= 0


def test_workers_end_before_what_they_use_is_closed(settings: KernelSettings) -> None:
    order: list[str] = []

    class Things(Store):
        def make(self, mongo: Mongo) -> str:
            return "things"

        def stop(self) -> None:
            order.append("store closed")

    class Busy(Toy):
        behaviour = Behaviour()
        things = Things()

        @grpc
        def get_subscription(self, request: Any) -> Any:
            entered.set()
            assert go_on.wait(10)
            order.append(f"worker used {self.things}")
            return api.GetSubscriptionResponse()

    def go_on_when_it_stops() -> None:
        if client.server.stopping.wait(10):
            go_on.set()

    entered, go_on = Event(), Event()
    with ThreadPoolExecutor(2) as pool, running(settings, Busy) as client:
        call = pool.submit(client.get)
        assert entered.wait(10)
        watcher = pool.submit(go_on_when_it_stops)
        client.container.stop()
        watcher.result(10)
        call.result(10)
    assert order == ["worker used things", "store closed"]
