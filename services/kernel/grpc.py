"""Serves gRPC: the `@grpc` entrypoint and its one server per process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import grpc as grpcio
import structlog
from google.protobuf import descriptor_pool, message_factory, text_format
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension

from services.kernel import tls
from services.kernel.access import Issuers
from services.kernel.interceptors import Call, Context, surrounded
from services.kernel.metrics import GRPC_THREADS, preset_grpc

log = structlog.get_logger()

DRAIN_SECONDS_MAX = 15.0
OPTIONS = [
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.so_reuseport", 0),
]


class CurrentCall(DependencyProvider):
    """Injects the gRPC `Call` that a worker answers; only workers of `@grpc` have one."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Call | None:
        """Return the gRPC call, or None for a worker of another entrypoint."""
        return cast(Call | None, worker_ctx.data.get("call"))


class GrpcServer(SharedExtension):
    """The one gRPC server of a process.

    It starts when every RPC of every service that the class ``serves`` has a method, drains within
    `DRAIN_SECONDS_MAX` on stop, and first reports NOT_SERVING to health checks.
    """

    def __init__(self) -> None:
        self.port = 0
        self.stopping = threading.Event()

    def start(self) -> None:
        """Bind the gRPC port and start serving. All entrypoints share one start."""
        if self.port:
            return
        settings = self.container.settings
        services: tuple[ServiceDescriptor, ...] = self.container.service_cls.serves
        preset_grpc(method for service in services for method in service.methods)
        GRPC_THREADS.set(settings.grpc_workers)
        self.issuers = Issuers(settings.issuers_file)
        threads = ThreadPoolExecutor(settings.grpc_workers, thread_name_prefix="grpc")
        self._server = grpcio.server(threads, options=OPTIONS)
        for service in services:
            handlers = {method.name: self._handler(method) for method in service.methods}
            self._server.add_registered_method_handlers(service.full_name, handlers)
        self._serve_conventions([service.full_name for service in services], settings.reflection)
        self.port = tls.listen(self._server, settings)
        self._server.start()
        log.info("grpc serves", port=self.port, services=[s.full_name for s in services])

    def stop(self) -> None:
        """Answer health checks with NOT_SERVING, drain running calls, then close. Idempotent."""
        self.stopping.set()
        if self.port:
            self._health.enter_graceful_shutdown()
            self._server.stop(DRAIN_SECONDS_MAX).wait()

    def _serve_conventions(self, names: list[str], with_reflection: bool) -> None:
        self._health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        for name in [*names, ""]:
            self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        if with_reflection:
            # grpcio-reflection only has v1alpha. v1 has the same messages in another package,
            # so one servicer answers both; the descriptor lets clients describe v1 like the others.
            alpha = FileDescriptorProto.FromString(reflection_pb2.DESCRIPTOR.serialized_pb)
            v1 = text_format.Parse(str(alpha).replace("v1alpha", "v1"), FileDescriptorProto())
            descriptor_pool.Default().AddSerializedFile(v1.SerializeToString())
            versions = [f"{file.package}.ServerReflection" for file in (v1, alpha)]
            servicer = reflection.ReflectionServicer([*names, health.SERVICE_NAME, *versions])
            (method,) = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"].methods
            handlers = {method.name: _rpc_handler(method, servicer.ServerReflectionInfo)}
            for version in versions:
                self._server.add_registered_method_handlers(version, handlers)

    def _handler(self, method: MethodDescriptor) -> Any:
        mine = (each for each in self.container.entrypoints if isinstance(each, Grpc))
        named = {each.method_name.title().replace("_", ""): each for each in mine}
        if (found := named.get(method.name)) is None:
            raise LookupError(f"{method.full_name} has no method with @grpc")
        found.method = method
        return _rpc_handler(method, found.stream if method.server_streaming else found.answer)


def _rpc_handler(method: Any, answer: Any) -> Any:
    response = "stream" if method.server_streaming else "unary"
    request = "stream" if method.client_streaming else "unary"
    make = getattr(grpcio, f"{request}_{response}_rpc_method_handler")
    given, returned = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
    return make(answer, given.FromString, returned.SerializeToString)


class Grpc(Entrypoint):
    """Answers the RPC whose PascalCase name is the method's: `list_things` answers `ListThings`.

    The method gets the request (an iterator of requests for a client stream) and returns the
    response (an iterator for a server stream). A `Refusal` becomes its status.
    """

    server = GrpcServer()

    def stop(self) -> None:
        """Drain the server: entrypoints stop before the providers that their workers use."""
        self.server.stop()

    def answer(self, request: Any, context: Context) -> Any:
        """Run a worker for a unary response of an RPC."""
        with self._worker(request, context) as method:
            return method(request)

    def stream(self, request: Any, context: Context) -> Iterator[Any]:
        """Run a worker for a stream of responses of an RPC; it lives as long as the stream."""
        with self._worker(request, context) as method:
            yield from method(request)

    @contextmanager
    def _worker(self, request: Any, context: Context) -> Iterator[Callable[..., Any]]:
        call = Call(self.method, context, self.server.stopping)
        around = surrounded(call, request, self.server.issuers)
        with around, self.container.worker(self, call=call) as method:
            yield method


grpc = Grpc.decorator
