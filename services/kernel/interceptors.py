"""The layers around every gRPC call, from the outside in.

The front (`kernel.front`) checks deadline, credential and role before the call gets a thread. On
its thread follow, as defined here, tracing, metrics, error mapping, validation and the worker.
Error mapping is outside validation, so that refusals of validation are mapped as well.
"""

from __future__ import annotations

import threading
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import grpc as grpcio
import protovalidate
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind, get_current_span
from pymongo.errors import OperationFailure

from services.kernel import metrics
from services.kernel.access import Principal
from services.kernel.errors import InvalidArgument, Refusal, Unauthenticated, Unavailable
from services.kernel.front.stopping import Stopping
from services.kernel.mongo import DOWN, SICK
from services.kernel.tracing import span

log = structlog.get_logger()

TRAILER_BYTES_MAX = 6_000
"""Maximum size of a status in trailers; between 8 and 16 KiB, clients refuse more and more."""
TEXT_LENGTH_MAX = 4_000
FIELDS_MAX = 20
PATTERN = "does not match regex pattern "
UNARY_SECONDS_MAX = 30.0
STREAM_SECONDS_MAX = 600.0


Context = grpcio.ServicerContext
NOBODY = Principal("", "", "", frozenset())


@dataclass(slots=True)
class Call:
    """A gRPC call on its way through the interceptors to its worker.

    Args:
        method: descriptor of the RPC.
        context: grpcio's context of the call.
        stopping: set when the server is stopping.
        traceparent: W3C trace context: first the caller's, then, once traced, that of this call.
        principal: the caller.
        token: bearer token of the caller, to be passed on in calls to other services.
        waited_seconds: time from the call's arrival until a thread took it.
    """

    method: MethodDescriptor
    context: Context
    stopping: Stopping
    traceparent: str = ""
    principal: Principal = NOBODY
    token: str = ""
    waited_seconds: float = 0.0

    def is_active(self) -> bool:
        """Return False if the client has left or the server is stopping."""
        return bool(self.context.is_active()) and not self.stopping.is_set()

    @contextmanager
    def waking(self, event: threading.Event) -> Iterator[None]:
        """While the block runs, set an event as soon as the call is no longer active."""
        with self.stopping.waking(event):
            if not self.context.add_callback(event.set):
                event.set()
            yield


@contextmanager
def surrounded(call: Call) -> Iterator[Call]:
    """Run the block, which answers a call, within tracing, metrics and error mapping.

    Yields the same call, whose ``traceparent`` is now that of its span. Health and reflection calls
    do not pass here.
    """
    facts = {"rpc.system": "grpc", "rpc.method": rpc_name(call.method)}
    traced = span(facts["rpc.method"], SpanKind.SERVER, [call.traceparent], facts)
    with traced as call.traceparent, measuring(call), refusing(call):
        yield call


def rpc_name(method: MethodDescriptor) -> str:
    """Return the name of an RPC as `package.Service/Method`."""
    return f"{method.containing_service.full_name}/{method.name}"


@contextmanager
def measuring(call: Call) -> Iterator[None]:
    """Count and time the call that the block answers, by its status, and log one line about it.

    A call that ends with an exception and without a status counts as CANCELLED. The line says where
    its time went: `waited_ms` until a thread took the call, `ms` on that thread, and `cpu_ms` of
    these on a processor. The rest was spent waiting, e.g. for the database or another thread.
    """
    begin, cpu_begin = time.perf_counter(), time.thread_time()
    code = "CANCELLED"
    try:
        is_stream = call.method.client_streaming or call.method.server_streaming
        running = metrics.GRPC_STREAMS if is_stream else metrics.GRPC_RUNNING
        with running.track_inprogress():
            yield
        code = "OK"
    finally:
        # grpcio's context has `code`, but its type stubs lack it.
        code = getattr(cast(Any, call.context).code(), "name", code)
        seconds = time.perf_counter() - begin
        metrics.count_call(call.method, code, seconds)
        get_current_span().set_attribute("rpc.response.status_code", code)
        cpu_seconds = time.thread_time() - cpu_begin
        took = {"waited_ms": call.waited_seconds, "ms": seconds, "cpu_ms": cpu_seconds}
        outcome = {name: round(each * 1000, 1) for name, each in took.items()}
        institution_id = call.principal.institution_id
        facts = {"method": call.method.full_name, "code": code, "institution": institution_id}
        log.info("call", **facts, **outcome)


def check_deadline(method: MethodDescriptor, remaining: float | None) -> None:
    """Refuse a call that has no deadline or one too far away; server streams need no deadline.

    Args:
        method: descriptor of the RPC.
        remaining: seconds until the caller's deadline; None if the caller set none.

    Raises:
        InvalidArgument: there is no deadline, or it is too far away. The caller's fault.
    """
    longest = STREAM_SECONDS_MAX if method.client_streaming else UNARY_SECONDS_MAX
    endless = method.server_streaming and not method.client_streaming
    if not endless and (remaining is None or remaining > longest + 1):
        at_most = f"set a deadline of at most {longest:.0f} seconds"
        raise InvalidArgument(at_most, reason="DEADLINE_NEEDED")


def bearer_token(authorization: str) -> str:
    """Return the token in the value of an `authorization` header.

    Raises:
        Unauthenticated: the header is empty or not of the form `Bearer TOKEN`. The caller's fault.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("send your token as metadata `authorization: Bearer ...`")
    return token


def check(message: Message) -> None:
    """Validate a request message against the rules of its contract; returns if it is valid.

    Raises:
        InvalidArgument: fields are wrong; names each of them. The caller's fault.
    """
    found = protovalidate.collect_violations(message)
    fields = {_place(each.proto): in_words(each.proto.message, each.field_value) for each in found}
    if fields:
        listed = "; ".join(f"{path}: {text}" for path, text in fields.items())
        raise InvalidArgument(f"the request is not valid: {listed}", fields=fields)


def in_words(message: str, value: object) -> str:
    """Return what a rule says of the value of a field, with a pattern described in words."""
    said, is_pattern, pattern = message.partition(PATTERN)
    told = forms()[pattern.strip("`")] if is_pattern else said or "is not valid"
    # An empty text is not badly written.
    return f"is missing; {told}" if is_pattern and value == "" else told


@cache
def forms() -> Mapping[str, str]:
    """Return pattern in the contracts -> description in words of the texts that match it."""
    return tomllib.loads(Path(__file__).with_name("forms.toml").read_text(encoding="utf-8"))


def _place(violation: Any) -> str:
    """Return the path of the wrong field.

    A rule over two fields is reported for their message; its id names the field, as in
    `enterprise.ended_on`.
    """
    elements = violation.field.elements
    steps = ((step.field_name, getattr(step.subscript, "value", None)) for step in elements)
    path = ".".join(name if index is None else f"{name}[{index}]" for name, index in steps)
    message, _, field = violation.rule_id.rpartition(".")
    return f"{path}.{field}" if message and path.endswith(f".{message}") else path


@contextmanager
def refusing(call: Call) -> Iterator[None]:
    """Map an exception of the block to the gRPC status with which the call ends.

    A `Refusal` has its own status. An unreachable, broken or full database becomes UNAVAILABLE. Any
    other error becomes INTERNAL, whose text contains the trace id.
    """
    try:
        yield
    except Refusal as refusal:
        log.info("refused", method=call.method.full_name, reason=refusal.reason)
        refuse(refusal, call.context)
    except DOWN:
        log.warning("database is down", method=call.method.full_name)
        refuse(Unavailable("the database cannot be reached; repeat the same call"), call.context)
    except Exception as error:
        log.exception("unknown error", method=call.method.full_name)
        if isinstance(error, OperationFailure) and error.code in SICK:
            refuse(Unavailable("the database is broken or full; repeat the call"), call.context)
        text = f"unknown error; tell the operator {call.traceparent[3:35]}"
        call.context.abort(grpcio.StatusCode.INTERNAL, text)


def status_of(refusal: Refusal) -> status_pb2.Status:
    """Return the `google.rpc.Status` of a refusal: code, message, and details for programs.

    The details are ErrorInfo, and BadRequest or RetryInfo if it names fields or a time to wait.
    """
    status = status_pb2.Status(code=code_pb2.Code.Value(refusal.status), message=refusal.message)
    facts = {"reason": refusal.reason, "domain": "kieng", "metadata": refusal.details}
    status.details.add().Pack(error_details_pb2.ErrorInfo(**facts))
    if refusal.fields:
        violations = [{"field": f, "description": d} for f, d in refusal.fields.items()]
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=violations))
    if refusal.retry_after_seconds:
        delay = timedelta(seconds=refusal.retry_after_seconds)
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def trailers_of(refusal: Refusal) -> grpcio.Status:
    """Return the status that ends a call, with texts cut to a length that every client accepts.

    The message is in the trailers twice, once percent-encoded, so a letter may take 20 bytes.
    """
    status, length = status_of(refusal), TEXT_LENGTH_MAX
    while _trailer_bytes(status) > TRAILER_BYTES_MAX and length:
        length //= 2
        short = copy(refusal)
        short.message = _cut(refusal.message, length)
        fields = islice(refusal.fields.items(), FIELDS_MAX)
        short.fields = {field: _cut(text, length) for field, text in fields}
        short.details = {name: _cut(text, length) for name, text in refusal.details.items()}
        status = status_of(short)
    return rpc_status.to_status(status)


def _trailer_bytes(status: status_pb2.Status) -> int:
    return len(quote(status.message)) + int(status.ByteSize()) * 4 // 3


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[:length] + "…"


def refuse(refusal: Refusal, context: Context) -> None:
    """Abort a gRPC call with the status of a refusal; never returns, because grpcio raises."""
    context.abort_with_status(trailers_of(refusal))
