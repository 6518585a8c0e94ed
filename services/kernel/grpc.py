"""Serves gRPC: the `@grpc` entrypoint and its one server per process."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, cast

import grpc as grpcio
import structlog
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider, Entrypoint, SharedExtension

from services.kernel.access import Issuers
from services.kernel.interceptors import Call, Context, surrounded
from services.kernel.metrics import GRPC_THREADS, preset_grpc

log = structlog.get_logger()

MESSAGE_BYTES_MAX = 1024 * 1024
DRAIN_SECONDS_MAX = 15.0
CONNECTION_AGE_MS_MAX = 300_000


class CurrentCall(DependencyProvider):
    """Injects the `Call` that a worker answers; only workers of `@grpc` have one."""

    def get_dependency(self, worker_ctx: WorkerContext) -> Call | None:
        """Return the call, or None for a worker of another entrypoint."""
        return cast(Call | None, worker_ctx.data.get("call"))


class GrpcServer(SharedExtension):
    """The one gRPC server of a process.

    It starts when every RPC of every service that the class ``serves`` has a method, drains within
    `DRAIN_SECONDS_MAX` on stop, and tells health checks before it does.
    """

    def __init__(self) -> None:
        self.port = 0
        self.stopping = threading.Event()

    def start(self) -> None:
        """Bind the port and answer from now on. Several entrypoints share one start."""
        if self.port:
            return
        settings = self.container.settings
        services: tuple[ServiceDescriptor, ...] = self.container.service_cls.serves
        preset_grpc(method for service in services for method in service.methods)
        GRPC_THREADS.set(settings.grpc_workers)
        self.issuers = Issuers(settings.issuers_file)
        self._server = grpcio.server(
            ThreadPoolExecutor(settings.grpc_workers, thread_name_prefix="grpc"),
            options=[
                ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
                ("grpc.max_connection_age_ms", CONNECTION_AGE_MS_MAX),
                ("grpc.so_reuseport", 0),
            ],
        )
        for service in services:
            handlers = {method.name: self._handler(method) for method in service.methods}
            generic = grpcio.method_handlers_generic_handler(service.full_name, handlers)
            self._server.add_generic_rpc_handlers((generic,))
        self._serve_conventions([service.full_name for service in services], settings.reflection)
        self.port = self._server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
        self._server.start()
        log.info("grpc serves", port=self.port, services=[s.full_name for s in services])

    def stop(self) -> None:
        """Answer health checks with NOT_SERVING, let running calls end, then close. Repeatable."""
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
            listed = [*names, health.SERVICE_NAME, reflection.SERVICE_NAME]
            reflection.enable_server_reflection(listed, self._server)

    def _handler(self, method: MethodDescriptor) -> grpcio.RpcMethodHandler[Any, Any]:
        name = snake_case(method.name)
        entrypoint = next((e for e in self.container.entrypoints if e.method_name == name), None)
        if entrypoint is None:
            raise LookupError(f"{method.full_name} has no method `{name}` with @grpc")
        entrypoint.method = method
        streams = (method.client_streaming, method.server_streaming)
        kinds = "_".join("stream" if each else "unary" for each in streams)
        make = getattr(grpcio, f"{kinds}_rpc_method_handler")
        answer = entrypoint.stream if method.server_streaming else entrypoint.answer
        given = message_factory.GetMessageClass(method.input_type).FromString
        returned = message_factory.GetMessageClass(method.output_type).SerializeToString
        return cast("grpcio.RpcMethodHandler[Any, Any]", make(answer, given, returned))


def snake_case(name: str) -> str:
    """Return the Python name of an RPC: `ListThings` -> `list_things`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


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
        """Run a worker that returns one response."""
        with self._worker(request, context) as method:
            return method(request)

    def stream(self, request: Any, context: Context) -> Iterator[Any]:
        """Run a worker that lives as long as its stream of responses."""
        with self._worker(request, context) as method:
            yield from method(request)

    @contextmanager
    def _worker(self, request: Any, context: Context) -> Iterator[Callable[..., Any]]:
        call = Call(self.method, context, self.server.stopping)
        around = surrounded(call, request, self.server.issuers)
        with around, self.container.worker(self, call=call) as method:
            yield method


grpc = Grpc.decorator
