from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc as grpcio
import pytest

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from kieng.submissions.v1 import import_service_pb2, review_service_pb2
from services.cli.local.ports import free_ports
from services.kernel import errors
from services.kernel.config import KernelSettings
from services.kernel.interceptors import Call
from services.submissions import decisions, imports
from services.submissions.peer_calls import OF_THE_CALL, BoundStub
from tests.unit.kernel.serving import SERVICE, Client, running, token, write_issuers


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A service that answers what a test says."""
    issuers = write_issuers(tmp_path_factory.mktemp("issuers") / "issuers.json")
    with running(KernelSettings(issuers_file=issuers)) as client:
        yield client


def call_of(credential: str) -> Call:
    method: Any = SERVICE.methods_by_name["GetSubscription"]
    return Call(method, None, None, token=credential)  # type: ignore[arg-type]


def ask(other: Client, credential: str = "") -> Any:
    stub = BoundStub(other.stub, call_of(credential or token()))
    return stub.GetSubscription(api.GetSubscriptionRequest())


def answering(error: Exception) -> Callable[[Any, Any], Any]:
    def fail(request: Any, call: Any) -> Any:
        raise error

    return fail


def test_the_credential_is_the_callers(other: Client) -> None:
    seen: list[str] = []
    other.behaviour.answer = lambda request, call: seen.append(call.principal.institution_id)
    ask(other, token("beta"))
    assert seen == ["beta"]


@pytest.mark.parametrize("kind", errors.Refusal.__subclasses__(), ids=lambda kind: kind.__name__)
def test_a_refusal_of_another_service_is_one_of_ours(
    other: Client, kind: type[errors.Refusal]
) -> None:
    said = {"reason": "NO_THING", "fields": {"a.b": "no"}, "details": {"max": "7"}}
    other.behaviour.answer = answering(kind("what and how", **said))  # type: ignore[arg-type]
    with pytest.raises(kind, match="what and how") as refusal:
        ask(other)
    assert {name: getattr(refusal.value, name) for name in said} == said


def test_trouble_of_another_service_is_unavailable_and_not_ours_to_tell(other: Client) -> None:
    other.behaviour.answer = answering(RuntimeError("password=hunter2"))
    with pytest.raises(errors.Unavailable, match="cannot be reached") as refusal:
        ask(other)
    assert refusal.value.reason == "DEPENDENCY_DOWN"


def test_another_service_that_is_down_is_unavailable() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with grpcio.insecure_channel(address) as channel:
        stub = BoundStub(NotificationServiceStub(channel), call_of("t"))
        with pytest.raises(errors.Unavailable) as refusal:
            stub.GetSubscription(api.GetSubscriptionRequest())
    assert address not in refusal.value.message


ROW = import_service_pb2.ImportSubmissionsRequest(row=7)
STREAMS = [
    partial(imports.refusable, imports.Row(ROW)),
    partial(decisions._refusable, review_service_pb2.DecideSubmissionsRequest(request_id="r")),
]


@pytest.mark.parametrize("refusable", STREAMS, ids=["import", "decide"])
def test_what_no_row_is_at_fault_for_ends_the_whole_stream(refusable: Any) -> None:
    def raising(error: Exception) -> Callable[[], Any]:
        return partial(answering(error), None, None)

    for kind in OF_THE_CALL:
        with pytest.raises(kind):
            refusable(raising(kind("not now")))
    assert (
        refusable(raising(errors.NotFound("no such unit"))).answer.error.message == "no such unit"
    )
