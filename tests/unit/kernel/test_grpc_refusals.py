"""Calls that the server refuses, each with the status and the reason that its caller can act on."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc as grpcio
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from pymongo.errors import OperationFailure
from structlog.testing import capture_logs

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.submissions.v1.import_service_pb2 import ImportSubmissionsRequest
from kieng.submissions.v1.import_service_pb2_grpc import ImportServiceStub
from services.cli.local.ports import free_ports
from services.kernel.config import KernelSettings
from services.kernel.errors import WrongState
from services.kernel.front.reception import LINES_AT_ONCE, LINES_PER_SECOND
from services.kernel.interceptors import Call
from services.kernel.mongo import Mongo
from tests.unit.kernel.serving import Client, reason_of, refused, running, token

Code = grpcio.StatusCode


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer garbage"])
def test_a_call_without_a_credential_that_holds_is_unauthenticated(
    client: Client, header: str
) -> None:
    metadata = (("authorization", header),)
    request = api.GetSubscriptionRequest()
    error: Any = refused(lambda: client.stub.GetSubscription(request, timeout=5, metadata=metadata))
    assert (error.code(), reason_of(error)) == (Code.UNAUTHENTICATED, "BAD_CREDENTIAL")


def test_a_call_without_a_role_of_the_method_is_forbidden(client: Client) -> None:
    error: Any = refused(lambda: client.get(token(roles=["nothing"])))
    assert (error.code(), reason_of(error)) == (Code.PERMISSION_DENIED, "NOT_ALLOWED")


@pytest.mark.parametrize(("timeout", "holds"), [(None, False), (60, False), (30, True), (1, True)])
def test_a_unary_call_needs_a_deadline_of_at_most_thirty_seconds(
    client: Client, timeout: float | None, holds: bool
) -> None:
    if holds:
        client.get(timeout=timeout)
        return
    error: Any = refused(lambda: client.get(timeout=timeout))
    assert (error.code(), reason_of(error)) == (Code.INVALID_ARGUMENT, "DEADLINE_NEEDED")


@pytest.mark.parametrize(("timeout", "holds"), [(None, False), (900, False), (600, True)])
def test_a_stream_of_requests_needs_a_deadline_of_at_most_ten_minutes(
    client: Client, timeout: float | None, holds: bool
) -> None:
    metadata = (("authorization", f"Bearer {token()}"),)
    requests = [ImportSubmissionsRequest()] * 3
    stub = ImportServiceStub(client.channel)

    def ask() -> int:
        return len(list(stub.ImportSubmissions(iter(requests), timeout=timeout, metadata=metadata)))

    if holds:
        assert ask() == 3
    else:
        assert reason_of(refused(ask)) == "DEADLINE_NEEDED"


def test_an_invalid_request_names_its_fields(client: Client) -> None:
    metadata = (("authorization", f"Bearer {token()}"),)
    request = api.ListNotificationsRequest(page_size=501)
    error: Any = refused(
        lambda: client.stub.ListNotifications(request, timeout=5, metadata=metadata)
    )
    assert error.code() is Code.INVALID_ARGUMENT
    bad_request = error_details_pb2.BadRequest()
    assert rpc_status.from_call(error).details[1].Unpack(bad_request)
    assert [violation.field for violation in bad_request.field_violations] == ["page_size"]


def test_an_unknown_error_is_internal_and_tells_only_its_trace(client: Client) -> None:
    def fail(request: Any, call: Call) -> None:
        raise RuntimeError("password=hunter2")

    client.behaviour.answer = fail
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    error: Any = refused(lambda: client.get(traceparent=trace))
    assert error.code() is Code.INTERNAL
    assert error.details() == f"unknown error; tell the operator {trace[3:35]}"
    assert rpc_status.from_call(error) is None


def test_a_message_of_ten_megabytes_is_refused(client: Client) -> None:
    request = api.MarkReadRequest(notification_ids=["x" * 10_000_000])
    metadata = (("authorization", f"Bearer {token()}"),)
    error: Any = refused(lambda: client.stub.MarkRead(request, timeout=5, metadata=metadata))
    assert error.code() is Code.RESOURCE_EXHAUSTED
    client.get()


def test_a_dead_database_is_unavailable(client: Client) -> None:
    mongo = Mongo(f"mongodb://127.0.0.1:{free_ports(1)[0]}/", 100)
    client.behaviour.answer = lambda request, call: mongo.database("x").things.find_one()
    error: Any = refused(lambda: client.get(timeout=20))
    assert (error.code(), reason_of(error)) == (Code.UNAVAILABLE, "DEPENDENCY_DOWN")
    assert "127.0.0.1" not in error.details()
    mongo.close()


@pytest.mark.parametrize(
    ("code", "status", "text"),
    [
        (14031, Code.UNAVAILABLE, "the database is broken or full"),
        (1, Code.UNAVAILABLE, "the database is broken or full"),
        (2, Code.INTERNAL, "unknown error"),
    ],
)
def test_a_sick_database_is_unavailable_and_a_wrong_command_is_our_fault(
    client: Client, code: int, status: grpcio.StatusCode, text: str
) -> None:
    def fail(request: Any, call: Call) -> None:
        raise OperationFailure("no space left", code)

    client.behaviour.answer = fail
    error: Any = refused(client.get)
    assert error.code() is status
    assert error.details().startswith(text)


WRONG = api.ListNotificationsRequest(page_size=501)


@pytest.mark.parametrize(
    ("timeout", "credential", "reason"),
    [
        (None, lambda: "garbage", "DEADLINE_NEEDED"),
        (5, lambda: "garbage", "BAD_CREDENTIAL"),
        (5, lambda: token(roles=["nothing"]), "NOT_ALLOWED"),
        (5, token, "INVALID_FIELD"),
    ],
    ids=["deadline", "authentication", "role", "validation"],
)
def test_a_call_is_refused_for_the_outermost_of_its_mistakes(
    client: Client, timeout: float | None, credential: Callable[[], str], reason: str
) -> None:
    metadata = (("authorization", f"Bearer {credential()}"),)
    error = refused(
        lambda: client.stub.ListNotifications(WRONG, timeout=timeout, metadata=metadata)
    )
    assert reason_of(error) == reason


LONG = "Đề nghị sửa ỷ ờ ữ ặ " * 500


@pytest.mark.parametrize(
    ("message", "fields", "details"),
    [
        (LONG[:900], {}, {}),
        (LONG, {}, {}),
        ("x" * 50_000, {}, {}),
        ("short", {"content.facts.impact_story.summary": LONG}, {}),
        (LONG, {f"content.evidence[{n}].title": LONG[:1000] for n in range(200)}, {}),
        (LONG[:1000], {}, {"reason": LONG}),
    ],
    ids=["usual", "long", "ascii", "one-field", "many-fields", "details"],
)
def test_a_refusal_of_any_length_reaches_its_caller_as_what_it_is(
    client: Client, message: str, fields: dict[str, str], details: dict[str, str]
) -> None:
    def answer(request: Any, call: Call) -> None:
        raise WrongState(message, reason="OF_THE_TEST", fields=fields, details=details)

    client.behaviour.answer = answer
    # Clients refuse trailers that are too long at random, so once would prove nothing.
    for _ in range(20):
        error: Any = refused(client.get)
        assert (error.code(), reason_of(error)) == (Code.FAILED_PRECONDITION, "OF_THE_TEST")
    said = error.details().removesuffix("…")
    assert said == message[: len(said)]
    assert len(said) >= min(len(message), 20)
    bad = error_details_pb2.BadRequest()
    status = rpc_status.from_call(error)
    assert status is not None
    if fields:
        assert status.details[1].Unpack(bad)
        assert [each.field for each in bad.field_violations] == list(fields)[:20]
        assert all(len(each.description) > 10 for each in bad.field_violations)


def test_a_flood_of_bad_tokens_writes_a_few_lines_and_none_shows_a_token(
    settings: KernelSettings,
) -> None:
    good = token()
    bad = ["garbage"]
    for number in range(40):
        foreign, unknown = token(key="beta", jti=f"{number}"), token(kid=f"k{number}")
        bad += [foreign, unknown, token(exp=1 + number), f"{good[:-20]}{number:020}"]
    began = time.monotonic()
    with running(settings) as client, capture_logs() as said:
        ended = [refused(partial(client.get, each)).code() for each in bad]
        most = 2 + LINES_AT_ONCE + LINES_PER_SECOND * (time.monotonic() - began)
        lines = [each for each in said if "refused" in each["event"]]
        others = [each for each in said if each not in lines]
    assert set(ended) == {Code.UNAUTHENTICATED}
    assert LINES_AT_ONCE <= len(lines) <= most < len(bad) / 2
    assert len(others) <= 3, others
    assert len(lines) + sum(each["unlogged"] for each in lines) <= len(bad)
    assert not any(each in str(said) for each in bad)
