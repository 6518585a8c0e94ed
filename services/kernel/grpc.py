"""The gRPC server: the `@grpc` entrypoint and the one server of the process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Any, cast

import grpc as grpcio
import structlog
from google.protobuf import descriptor_pool, message_factory, text_format
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension

from services.kernel import tls
from services.kernel.access import Issuers
from services.kernel.errors import Refusal
from services.kernel.front.admitted import Admitted, Behaviour
from services.kernel.front.health import Health
from services.kernel.front.reception import Reception
from services.kernel.front.requests import Requests
from services.kernel.front.stopping import Stopping
from services.kernel.interceptors import Call, Context, surrounded
from services.kernel.metrics import GRPC_STREAMS_LIMIT, GRPC_THREADS, GRPC_WAITING, preset_grpc
from services.kernel.mongo import within
from services.kernel.privacy import shown_to

log = structlog.get_logger()

DRAIN_SECONDS_MAX = 15.0
CLOSE_SECONDS_MAX = 2.0
OPTIONS = [
    # The docs allow a ping every 10 s; one that comes 2 s early closes no connection.
    ("grpc.http2.min_ping_interval_without_data_ms", 8_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 900_000),
    ("grpc.max_connection_idle_ms", 300_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_concurrent_streams", 256),
    # Of waiting calls beyond the first number, by default 1,000, gRPC cancels some at random. When
    # a service is back, all callers who watched it call again at once.
    ("grpc.server.max_pending_requests", 10_000),
    ("grpc.server.max_pending_requests_hard_limit", 20_000),
    ("grpc.so_reuseport", 0),
]


class CurrentCall(DependencyProvider):
    """Injects the gRPC `Call` that a worker answers; None in workers of other entrypoints."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Call | None:
        """Return the gRPC call, or None in a worker of another entrypoint."""
        return cast(Call | None, worker_ctx.data.get("call"))


class GrpcServer(SharedExtension):
    """The one gRPC server of a process.

    The service class lists in ``serves`` the gRPC services to serve; the server refuses to start
    unless every RPC of theirs has a method. On stop it first reports NOT_SERVING to health checks
    and then drains for at most `DRAIN_SECONDS_MAX`.
    """

    def __init__(self) -> None:
        self.port = 0
        self.stopping = Stopping()

    def start(self) -> None:
        """Bind the gRPC port and start serving; does nothing if the server is already started.

        Raises:
            LookupError: an RPC has no method with `@grpc`, which is a bug of the service class.
            TlsTrouble: the TLS files are unusable, or plain text would be served beyond loopback.
        """
        if self.port:
            return
        settings = self.container.settings
        services: tuple[ServiceDescriptor, ...] = self.container.service_cls.serves
        preset_grpc(method for service in services for method in service.methods)
        GRPC_THREADS.set(settings.grpc_workers)
        GRPC_STREAMS_LIMIT.set(settings.grpc_streams)
        GRPC_WAITING.set_function(self.waiting)
        audiences = settings.accepted_audiences(self.container.service_cls.name)
        self._reception = Reception(settings, Issuers(settings.issuers_file, audiences))
        self._server = grpcio.server(cast(Any, self._reception), options=OPTIONS)
        for service in services:
            handlers = {method.name: self._handler(method) for method in service.methods}
            self._server.add_registered_method_handlers(service.full_name, handlers)
        self._serve_conventions([service.full_name for service in services], settings.reflection)
        self.port = tls.listen(self._server, settings)
        self._reception.start()
        self._server.start()
        log.info("grpc serves", port=self.port, services=[s.full_name for s in services])

    def stop(self) -> None:
        """Report NOT_SERVING, drain running calls, then close. Idempotent."""
        self.stopping.set()
        if self.port:
            self._reception.stop()
            self._server.stop(DRAIN_SECONDS_MAX).wait()
            self._reception.close(CLOSE_SECONDS_MAX)

    def turn(
        self, call: Admitted, method: MethodDescriptor, may_wait: bool
    ) -> AbstractContextManager[bool]:
        """Charge the caller's institution for the block, which is one step of a stream.

        The block may first have to wait for a worker, see `FairQueues.turn`. Yields False if the
        caller has left; the block must then do nothing.
        """
        caller, name = call.principal, method.full_name
        whom = caller.institution_id, caller.subject, name, call.arrival.is_active
        return self._reception.queues.turn(*whom, may_wait)

    def delay_refusal(self, call: Admitted) -> None:
        """Block the thread of a stream that is about to be refused, if its caller is often refused.

        A unary call needs no delay: it had to wait for one of the workers, which are shared fairly.
        """
        self._reception.slow_answers.delay(call.principal.institution_id)

    def waiting(self) -> int:
        """Return the number of calls that wait for a worker; 0 before the start."""
        return self._reception.queues.waiting() if self.port else 0

    @property
    def unready(self) -> str:
        """Why calls would not be answered now; empty if they would be, and before the start."""
        return self._reception.queues.saturation() if self.port else ""

    def _serve_conventions(self, names: list[str], with_reflection: bool) -> None:
        health = Health(names, lambda: self.unready, self.stopping)
        (service,) = health_pb2.DESCRIPTOR.services_by_name.values()
        answers = {"Check": health.check, "Watch": health.watch}
        handlers = {
            name: _rpc_handler(service.methods_by_name[name], answer, True)
            for name, answer in answers.items()
        }
        self._server.add_registered_method_handlers(service.full_name, handlers)
        if with_reflection:
            # grpcio-reflection only has v1alpha. v1 has the same messages in another package, so
            # one servicer answers both; registering v1's descriptor lets clients describe it.
            alpha = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
            v1 = text_format.Parse(str(alpha).replace("v1alpha", "v1"), FileDescriptorProto())
            descriptor_pool.Default().AddSerializedFile(v1.SerializeToString())
            versions = [f"{file.package}.ServerReflection" for file in (v1, alpha)]
            servicer = reflection.ReflectionServicer([*names, service.full_name, *versions])
            (method,) = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"].methods
            handlers = {method.name: _rpc_handler(method, servicer.ServerReflectionInfo, True)}
            for version in versions:
                self._server.add_registered_method_handlers(version, handlers)

    def _handler(self, method: MethodDescriptor) -> Any:
        mine = (each for each in self.container.entrypoints if isinstance(each, Grpc))
        named = {each.method_name.title().replace("_", ""): each for each in mine}
        if (found := named.get(method.name)) is None:
            raise LookupError(f"{method.full_name} has no method with @grpc")
        found.method = method
        return _rpc_handler(method, found.stream if method.server_streaming else found.answer)


def _rpc_handler(method: Any, answer: Any, is_open: bool = False) -> Any:
    """Return grpcio's handler for an RPC.

    The handler does not parse requests: the front does so once it knows the caller.

    Args:
        method: descriptor of the RPC.
        answer: function that answers a call, see `Behaviour.answer`.
        is_open: whether anybody may call without a credential.
    """
    response = "stream" if method.server_streaming else "unary"
    request = "stream" if method.client_streaming else "unary"
    make = getattr(grpcio, f"{request}_{response}_rpc_method_handler")
    given, returned = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
    streams = method.client_streaming, method.server_streaming
    behaviour = Behaviour(answer, None if is_open else method, *streams)
    return make(behaviour, given.FromString, returned.SerializeToString)


class Grpc(Entrypoint):
    """Answers the RPC that is named like the method: `list_things` answers `ListThings`.

    The method gets the request (an iterator of requests for a client stream) and returns the
    response (an iterator of responses for a server stream). A `Refusal` that it raises becomes the
    status of the call; any other error becomes INTERNAL.

    Args:
        is_watch: whether it is a stream that only shows what has changed: then no step but the
            first ever waits for others.
        options: of `Entrypoint`.
    """

    server = GrpcServer()

    def __init__(self, is_watch: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.is_watch = is_watch

    def stop(self) -> None:
        """Drain the server now, before the providers that its workers use are stopped.

        All RPCs share the server; it does no harm to stop it again.
        """
        self.server.stop()

    def answer(self, admitted: Admitted, context: Context) -> Any:
        """Run a worker for a call with a unary response, and return the response.

        Fields that the caller's institution must not see have been cleared, see `kernel.privacy`.
        """
        limit = self.container.settings.mongo_timeout_ms / 1000
        with self._worker(admitted, context) as (call, method, request):
            # Not the caller's deadline: the database may continue an operation that was given up.
            with within(limit):
                response = method(request)
            _raise_broken(request)
            return shown_to(call.principal.institution_id, response)

    def stream(self, admitted: Admitted, context: Context) -> Iterator[Any]:
        """Run a worker for a call with a stream of responses; it lives as long as the stream.

        Fields that the caller's institution must not see have been cleared, see `kernel.privacy`.
        """
        with self._worker(admitted, context) as (call, method, request):
            try:
                for response in self._in_turn(method(request), admitted):
                    yield shown_to(call.principal.institution_id, response)
            except Refusal:
                self.server.delay_refusal(admitted)
                raise
            _raise_broken(request)

    def _in_turn(self, responses: Iterator[Any], admitted: Admitted) -> Iterator[Any]:
        for number in count():
            may_wait = number == 0 or not self.is_watch
            with self.server.turn(admitted, self.method, may_wait) as is_wanted:
                response = next(responses, None) if is_wanted else None
            if response is None:
                return
            yield response

    @contextmanager
    def _worker(
        self, admitted: Admitted, context: Context
    ) -> Iterator[tuple[Call, Callable[..., Any], Any]]:
        traceparent = str(admitted.arrival.metadata.get("traceparent", ""))
        call = Call(
            self.method,
            context,
            self.server.stopping,
            traceparent,
            admitted.principal,
            admitted.token,
            time.monotonic() - admitted.arrival.began,
        )
        with surrounded(call):
            request = admitted.request()
            with self.container.worker(self, call=call) as method:
                yield call, method, request


def _raise_broken(request: Any) -> None:
    """Raise the refusal that ended a stream of requests early, if there is one."""
    if isinstance(request, Requests) and request.refusal:
        raise request.refusal


grpc = Grpc.decorator
