"""Calls to other services, as the caller whose call is being answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc as grpcio
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from opentelemetry.trace import SpanKind

from services.kernel.interceptors import Call
from services.kernel.tracing import span


class Stub(DependencyProvider):
    """Injects a function that calls one RPC service of another process as the present caller.

    Args:
        stub_class: generated stub.
        address_setting: name of the setting with the address, `host:port`.
    """

    def __init__(self, stub_class: Any = None, address_setting: str = "") -> None:
        self.stub_class = stub_class
        self.address_setting = address_setting

    def setup(self) -> None:
        """Open the channel; it connects when it is first used and again after every break."""
        address = getattr(self.container.settings, self.address_setting)
        self._channel = grpcio.insecure_channel(address)
        self._stub = self.stub_class(self._channel)

    def stop(self) -> None:
        """Close the channel."""
        self._channel.close()

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return the stub with the caller's credential and trace."""
        return BoundStub(self._stub, worker_ctx.data.get("call"))


class BoundStub:
    """A stub whose calls carry the caller's credential: no service can do more than its caller."""

    def __init__(self, stub: Any, call: Call | None) -> None:
        self._stub = stub
        self._call = call

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        """Return the RPC as a function of its request, with a deadline of 5 seconds."""
        method = getattr(self._stub, name)

        def invoke(request: Any) -> Any:
            token, caller = (self._call.token, self._call.traceparent) if self._call else ("", "")
            with span(f"call {name}", SpanKind.CLIENT, [caller], {"rpc.system": "grpc"}) as made:
                metadata = [("authorization", f"Bearer {token}"), ("traceparent", made)]
                return method(request, timeout=5.0, metadata=metadata if self._call else ())

        return invoke
