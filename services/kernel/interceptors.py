"""What surrounds every call: tracing, metrics, deadline, authentication, validation, errors."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import grpc as grpcio
import protovalidate
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from kieng.access.v1 import access_pb2
from services.kernel import metrics
from services.kernel.access import Issuers, Principal, allow, roles_of
from services.kernel.errors import InvalidArgument, Refusal, Unauthenticated, Unavailable
from services.kernel.mongo import DOWN

log = structlog.get_logger()

DOMAIN = "kieng"
UNARY_SECONDS_MAX = 30.0
STREAM_SECONDS_MAX = 600.0
TRACEPARENT = re.compile(r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


Context = grpcio.ServicerContext


@dataclass(slots=True)
class Current:
    """A call on its way through what surrounds it; ``request`` is an iterator for client streams.

    ``traceparent`` is known after tracing, ``principal`` and ``token`` after authentication.
    """

    method: MethodDescriptor
    request: Any
    context: Context
    metadata: Mapping[str, str | bytes]
    traceparent: str = ""
    principal: Principal | None = None
    token: str = ""


class Surroundings:
    """What surrounds every call of a process's own services; health and reflection pass untouched.

    Args:
        issuers: whose tokens hold.
    """

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers
        self._all = (tracing, measuring, deadline, self.authentication, validation, refusing)

    @contextmanager
    def enter(self, method: MethodDescriptor, request: Any, context: Context) -> Iterator[Current]:
        """Enter all of them, the outermost first; the block is the call itself."""
        metadata = dict(cast(Any, context).invocation_metadata() or ())
        call = Current(method, request, context, metadata)
        with ExitStack() as stack:
            for around in self._all:
                stack.enter_context(around(call))
            yield call

    @contextmanager
    def authentication(self, call: Current) -> Iterator[None]:
        """Set the principal, or refuse with UNAUTHENTICATED or PERMISSION_DENIED."""
        try:
            scheme, _, call.token = str(call.metadata.get("authorization", "")).partition(" ")
            if scheme.lower() != "bearer" or not call.token:
                raise Unauthenticated("send your token as metadata `authorization: Bearer ...`")
            call.principal = self._issuers.principal(call.token)
            allow(call.principal, roles_of(call.method.GetOptions().Extensions[access_pb2.rule]))
        except Refusal as refusal:
            log.warning("refused", method=call.method.full_name, reason=refusal.reason)
            refuse(refusal, call.context)
        yield


@contextmanager
def tracing(call: Current) -> Iterator[None]:
    """Take the caller's trace (W3C `traceparent`) or begin one, and bind it to the log."""
    given = str(call.metadata.get("traceparent", ""))
    begun = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    call.traceparent = given if TRACEPARENT.match(given) else begun
    with structlog.contextvars.bound_contextvars(trace_id=call.traceparent[3:35]):
        yield


@contextmanager
def measuring(call: Current) -> Iterator[None]:
    """Count the call by its status and time it."""
    labels = metrics.grpc_labels(call.method)
    metrics.GRPC_STARTED.labels(*labels).inc()
    metrics.GRPC_RUNNING.inc()
    begin = time.perf_counter()
    code = "OK"
    try:
        yield
    except GeneratorExit:
        code = "CANCELLED"
        raise
    except BaseException:
        status = cast(Any, call.context).code()  # grpcio has it, its types do not
        code = status.name if status is not None else "UNKNOWN"
        raise
    finally:
        metrics.GRPC_RUNNING.dec()
        metrics.GRPC_HANDLED.labels(*labels, code).inc()
        metrics.GRPC_SECONDS.labels(*labels).observe(time.perf_counter() - begin)


@contextmanager
def deadline(call: Current) -> Iterator[None]:
    """Refuse calls without a deadline or with one too far away; a pure server stream needs none."""
    remaining: float | None = call.context.time_remaining()
    longest = STREAM_SECONDS_MAX if call.method.client_streaming else UNARY_SECONDS_MAX
    endless = call.method.server_streaming and not call.method.client_streaming
    if not endless and (remaining is None or remaining > longest + 1):
        text = f"set a deadline of at most {longest:.0f} seconds"
        refuse(InvalidArgument(text, reason="DEADLINE_NEEDED"), call.context)
    yield


@contextmanager
def validation(call: Current) -> Iterator[None]:
    """Check the request against the rules of its contract; streams check message by message."""
    if not call.method.client_streaming:
        try:
            check(call.request)
        except InvalidArgument as refusal:
            refuse(refusal, call.context)
    yield


def check(message: Message) -> None:
    """Check one message against the rules of its contract.

    Raises:
        InvalidArgument: names every field that is wrong. The caller's fault.
    """
    fields = {
        _path(violation.proto.field): violation.proto.message or "is not valid"
        for violation in protovalidate.collect_violations(message)
    }
    if fields:
        listed = "; ".join(f"{path}: {text}" for path, text in fields.items())
        raise InvalidArgument(f"the request is not valid: {listed}", fields=fields)


def _path(path: Any) -> str:
    steps = ((step.field_name, getattr(step.subscript, "value", None)) for step in path.elements)
    return ".".join(name if index is None else f"{name}[{index}]" for name, index in steps)


@contextmanager
def refusing(call: Current) -> Iterator[None]:
    """Turn a `Refusal` into its status and anything unknown into INTERNAL with a trace id."""
    try:
        yield
    except Refusal as refusal:
        refuse(refusal, call.context)
    except DOWN:
        log.warning("database is down", method=call.method.full_name)
        refuse(Unavailable("the database cannot be reached; repeat the same call"), call.context)
    except grpcio.RpcError as error:
        answer = rpc_status.from_call(cast(Any, error))
        if answer is not None:
            call.context.abort_with_status(rpc_status.to_status(answer))
        log.warning("another service is down", method=call.method.full_name)
        refuse(Unavailable("another service cannot be reached; repeat the same call"), call.context)
    except Exception:
        log.exception("unknown error", method=call.method.full_name)
        text = f"unknown error; tell the operator {call.traceparent[3:35]}"
        call.context.abort(grpcio.StatusCode.INTERNAL, text)


def status_of(refusal: Refusal) -> status_pb2.Status:
    """Return the `google.rpc.Status` of a refusal, with ErrorInfo and BadRequest."""
    code = code_pb2.Code.Value(refusal.status)
    status = status_pb2.Status(code=code, message=refusal.message)
    facts = {"reason": refusal.reason, "domain": DOMAIN, "metadata": refusal.details}
    status.details.add().Pack(error_details_pb2.ErrorInfo(**facts))
    if refusal.fields:
        violations = [{"field": f, "description": d} for f, d in refusal.fields.items()]
        bad_request = error_details_pb2.BadRequest(field_violations=violations)
        status.details.add().Pack(bad_request)
    return status


def refuse(refusal: Refusal, context: Context) -> None:
    """End the call with the refusal's status; does not return."""
    context.abort_with_status(rpc_status.to_status(status_of(refusal)))
