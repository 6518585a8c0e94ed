"""The layers around every gRPC call, from the outside in.

The front (`kernel.front`) checks deadline, credential and role before the call has a thread. Here,
on its thread: tracing, metrics, errors, validation, and the worker. Error mapping is outside the
layers that refuse calls, so that their refusals are mapped as well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

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
from services.kernel.mongo import DOWN, SICK
from services.kernel.tracing import span

log = structlog.get_logger()

UNARY_SECONDS_MAX = 30.0
STREAM_SECONDS_MAX = 600.0


Context = grpcio.ServicerContext
NOBODY = Principal("", "", "", frozenset())


@dataclass(slots=True)
class Call:
    """A gRPC call on its way through the interceptors to its worker.

    ``traceparent`` is the caller's until tracing replaces it by that of this call.
    """

    method: MethodDescriptor
    context: Context
    stopping: threading.Event
    traceparent: str = ""
    principal: Principal = NOBODY
    token: str = ""

    def is_active(self) -> bool:
        """Return False if the caller has left or the server is stopping."""
        return bool(self.context.is_active()) and not self.stopping.is_set()


@contextmanager
def surrounded(call: Call) -> Iterator[Call]:
    """Apply the interceptors to a call of the process's services; not to health and reflection."""
    facts = {"rpc.system": "grpc", "rpc.method": rpc_name(call.method)}
    traced = span(facts["rpc.method"], SpanKind.SERVER, [call.traceparent], facts)
    with traced as call.traceparent, measuring(call), refusing(call):
        yield call


def rpc_name(method: MethodDescriptor) -> str:
    """Return `package.Service/Method`."""
    return f"{method.containing_service.full_name}/{method.name}"


@contextmanager
def measuring(call: Call) -> Iterator[None]:
    """Count the call by its status and time it."""
    begin = time.perf_counter()
    code = "CANCELLED"
    try:
        is_stream = call.method.client_streaming or call.method.server_streaming
        running = metrics.GRPC_STREAMS if is_stream else metrics.GRPC_RUNNING
        with running.track_inprogress():
            yield
        code = "OK"
    finally:
        # grpcio has `code`, its types do not.
        code = getattr(cast(Any, call.context).code(), "name", code)
        seconds = time.perf_counter() - begin
        metrics.count_call(call.method, code, seconds)
        get_current_span().set_attribute("rpc.response.status_code", code)
        outcome = {"institution": call.principal.institution_id, "ms": round(seconds * 1000, 1)}
        log.info("call", method=call.method.full_name, code=code, **outcome)


def check_deadline(method: MethodDescriptor, remaining: float | None) -> None:
    """Refuse a call without a deadline or with one too far away; server streams need none.

    Args:
        method: the RPC.
        remaining: seconds until the caller's deadline; None if it set none.

    Raises:
        InvalidArgument: there is no deadline, or it is too far away. The caller's fault.
    """
    longest = STREAM_SECONDS_MAX if method.client_streaming else UNARY_SECONDS_MAX
    endless = method.server_streaming and not method.client_streaming
    if not endless and (remaining is None or remaining > longest + 1):
        at_most = f"set a deadline of at most {longest:.0f} seconds"
        raise InvalidArgument(at_most, reason="DEADLINE_NEEDED")


def bearer_token(authorization: str) -> str:
    """Return the token of an `authorization` header.

    Raises:
        Unauthenticated: there is none. The caller's fault.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("send your token as metadata `authorization: Bearer ...`")
    return token


def check(message: Message) -> None:
    """Validate one request message against the rules of its contract.

    Raises:
        InvalidArgument: names every field that is wrong. The caller's fault.
    """
    found = [violation.proto for violation in protovalidate.collect_violations(message)]
    fields = {_place(each): each.message or "is not valid" for each in found}
    if fields:
        listed = "; ".join(f"{path}: {text}" for path, text in fields.items())
        raise InvalidArgument(f"the request is not valid: {listed}", fields=fields)


def _place(violation: Any) -> str:
    """Return the path of the wrong field; a rule over two, as `enterprise.ended_on`, names one."""
    elements = violation.field.elements
    steps = ((step.field_name, getattr(step.subscript, "value", None)) for step in elements)
    path = ".".join(name if index is None else f"{name}[{index}]" for name, index in steps)
    message, _, field = violation.rule_id.rpartition(".")
    return f"{path}.{field}" if message and path.endswith(f".{message}") else path


@contextmanager
def refusing(call: Call) -> Iterator[None]:
    """Map a `Refusal` to its gRPC status, and any other error to INTERNAL with a trace id."""
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
    """Return the `google.rpc.Status` of a refusal, with its details."""
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


def refuse(refusal: Refusal, context: Context) -> None:
    """Abort the gRPC call with the refusal's status; does not return."""
    context.abort_with_status(rpc_status.to_status(status_of(refusal)))
