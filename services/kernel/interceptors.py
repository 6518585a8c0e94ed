"""What surrounds every call: tracing, metrics, deadline, authentication, validation, errors."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

import grpc as grpcio
import protovalidate
import structlog
from google.protobuf import any_pb2
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


@dataclass(slots=True)
class Current:
    """What the interceptors know of the call that this thread answers."""

    traceparent: str
    principal: Principal | None = None
    token: str = ""


CURRENT: ContextVar[Current | None] = ContextVar("current_call", default=None)

Context = grpcio.ServicerContext
Around = Callable[[MethodDescriptor, Any, Context], AbstractContextManager[None]]


class Interceptor(grpcio.ServerInterceptor):
    """Surrounds every call of the process's own services; health and reflection pass untouched.

    Args:
        methods: full path -> descriptor of the own services' methods.
        around: given descriptor, request (None for a client stream) and context.
    """

    def __init__(self, methods: Mapping[str, MethodDescriptor], around: Around) -> None:
        self._methods = methods
        self._around = around

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the handler, whatever of its four kinds it is."""
        handler = continuation(handler_call_details)
        method = self._methods.get(handler_call_details.method)
        if handler is None or method is None:
            return handler
        around = self._around
        kind = ("stream" if handler.request_streaming else "unary") + (
            "_stream" if handler.response_streaming else "_unary"
        )
        inner = getattr(handler, kind)

        def once(request: Any, context: Context) -> Any:
            with around(method, None if handler.request_streaming else request, context):
                return inner(request, context)

        def stream(request: Any, context: Context) -> Iterator[Any]:
            with around(method, None if handler.request_streaming else request, context):
                yield from inner(request, context)

        make = getattr(grpcio, f"{kind}_rpc_method_handler")
        return make(
            stream if handler.response_streaming else once,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def chain(
    methods: Mapping[str, MethodDescriptor], issuers: Issuers
) -> list[grpcio.ServerInterceptor]:
    """Return the interceptors of a server, the outermost first."""
    authentication = Authentication(methods, issuers)
    metrics.preset_grpc(methods.values())
    arounds: list[Around] = [tracing, measuring, deadline, authentication, validation, refusing]
    return [Interceptor(methods, around) for around in arounds]


@contextmanager
def tracing(method: MethodDescriptor, request: Any, context: Context) -> Iterator[None]:
    """Take the caller's trace (W3C `traceparent`) or begin one, and bind it to the log."""
    given = str(_metadata(context).get("traceparent", ""))
    if not TRACEPARENT.match(given):
        given = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    token = CURRENT.set(Current(given))
    try:
        with structlog.contextvars.bound_contextvars(trace_id=given[3:35]):
            yield
    finally:
        CURRENT.reset(token)


@contextmanager
def measuring(method: MethodDescriptor, request: Any, context: Context) -> Iterator[None]:
    """Count the call by its status and time it."""
    labels = metrics.grpc_labels(method)
    metrics.GRPC_STARTED.labels(*labels).inc()
    begin = time.perf_counter()
    code = "OK"
    try:
        yield
    except GeneratorExit:
        code = "CANCELLED"
        raise
    except BaseException:
        status = cast(Any, context).code()  # grpcio has it, its types do not
        code = status.name if status is not None else "UNKNOWN"
        raise
    finally:
        metrics.GRPC_HANDLED.labels(*labels, code).inc()
        metrics.GRPC_SECONDS.labels(*labels).observe(time.perf_counter() - begin)


@contextmanager
def deadline(method: MethodDescriptor, request: Any, context: Context) -> Iterator[None]:
    """Refuse calls without a deadline or with one too far away; a pure server stream needs none."""
    remaining: float | None = context.time_remaining()
    longest = STREAM_SECONDS_MAX if method.client_streaming else UNARY_SECONDS_MAX
    endless = method.server_streaming and not method.client_streaming
    if not endless and (remaining is None or remaining > longest + 1):
        text = f"set a deadline of at most {longest:.0f} seconds"
        refuse(InvalidArgument(text, reason="DEADLINE_NEEDED"), context)
    yield


class Authentication:
    """Finds the principal of the token and asks the method's access rule."""

    def __init__(self, methods: Mapping[str, MethodDescriptor], issuers: Issuers) -> None:
        self._issuers = issuers
        self._roles = {
            m.full_name: roles_of(m.GetOptions().Extensions[access_pb2.rule])
            for m in methods.values()
        }

    @contextmanager
    def __call__(self, method: MethodDescriptor, request: Any, context: Context) -> Iterator[None]:
        """Set the principal, or refuse with UNAUTHENTICATED or PERMISSION_DENIED."""
        try:
            header = str(_metadata(context).get("authorization", ""))
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise Unauthenticated("send your token as metadata `authorization: Bearer ...`")
            principal = self._issuers.principal(token)
            allow(principal, self._roles[method.full_name])
        except Refusal as refusal:
            log.warning("refused", method=method.full_name, reason=refusal.reason)
            refuse(refusal, context)
        current = CURRENT.get()
        assert current is not None
        current.principal, current.token = principal, token
        yield


@contextmanager
def validation(method: MethodDescriptor, request: Any, context: Context) -> Iterator[None]:
    """Check the request against the rules of its contract; streams check message by message."""
    if request is not None:
        try:
            check(request)
        except InvalidArgument as refusal:
            refuse(refusal, context)
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
    return ".".join(
        f"{element.field_name}[{element.subscript.value}]"
        if element.subscript is not None and hasattr(element.subscript, "value")
        else element.field_name
        for element in path.elements
    )


@contextmanager
def refusing(method: MethodDescriptor, request: Any, context: Context) -> Iterator[None]:
    """Turn a `Refusal` into its status and anything unknown into INTERNAL with a trace id."""
    try:
        yield
    except Refusal as refusal:
        refuse(refusal, context)
    except DOWN:
        log.warning("database is down", method=method.full_name)
        refuse(Unavailable("the database cannot be reached; repeat the same call"), context)
    except grpcio.RpcError as error:
        answer = rpc_status.from_call(cast(Any, error))
        if answer is not None:
            context.abort_with_status(rpc_status.to_status(answer))
        log.warning("another service is down", method=method.full_name)
        refuse(Unavailable("another service cannot be reached; repeat the same call"), context)
    except Exception:
        log.exception("unknown error", method=method.full_name)
        current = CURRENT.get()
        trace = current.traceparent[3:35] if current else ""
        context.abort(grpcio.StatusCode.INTERNAL, f"unknown error; tell the operator {trace}")


def status_of(refusal: Refusal) -> status_pb2.Status:
    """Return the `google.rpc.Status` of a refusal, with ErrorInfo and BadRequest."""
    info = error_details_pb2.ErrorInfo(
        reason=refusal.reason, domain=DOMAIN, metadata=refusal.details
    )
    details: list[Message] = [info]
    if refusal.fields:
        violation = error_details_pb2.BadRequest.FieldViolation
        violations = [violation(field=f, description=d) for f, d in refusal.fields.items()]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    packed = []
    for detail in details:
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    code = code_pb2.Code.Value(refusal.status)
    return status_pb2.Status(code=code, message=refusal.message, details=packed)


def refuse(refusal: Refusal, context: Context) -> None:
    """End the call with the refusal's status; does not return."""
    context.abort_with_status(rpc_status.to_status(status_of(refusal)))


def _metadata(context: Context) -> dict[str, str | bytes]:
    return dict(cast(Any, context).invocation_metadata() or ())
