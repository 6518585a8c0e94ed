"""Calls to other services with the credential of the current caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import grpc as grpcio
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider
from opentelemetry.trace import SpanKind

from services.kernel.errors import Refusal, Unauthenticated, Unavailable
from services.kernel.interceptors import Call
from services.kernel.service_tokens import ServiceTokens
from services.kernel.tls import Connection
from services.kernel.tracing import span

KINDS = {kind.status: kind for kind in Refusal.__subclasses__()}
PASSED_ON = ServiceTokens("", "", "")
"""Signs nothing, so that the called service gets the token of the caller."""
OF_THE_CALL = (Unavailable, Unauthenticated)
"""Refusals that end a whole stream of rows, because every further row would fail the same way."""


class Stub(DependencyProvider):
    """Injects a gRPC stub of another process, which is called with the credential of our caller.

    Args:
        stub_class: generated stub class.
        address_setting: name of the setting that holds the address, `host:port`.
    """

    def __init__(self, stub_class: Any = None, address_setting: str = "") -> None:
        self.stub_class = stub_class
        self.address_setting = address_setting

    def setup(self) -> None:
        """Create the channel, which connects on first use and reconnects after failures."""
        settings = self.container.settings
        address = getattr(settings, self.address_setting)
        self._connection = Connection(address, settings, self.stub_class)
        called = self.address_setting.removesuffix("_address")
        key = settings.service_key.get_secret_value()
        self._tokens = ServiceTokens(self.container.service_cls.name, called, key)

    def stop(self) -> None:
        """Close the channel."""
        self._connection.close()

    def get_dependency(self, worker_ctx: WorkerContext) -> Any:
        """Return the stub, bound to the credential and trace of the current call.

        In a worker without a gRPC call, the stub sends no credential.
        """
        call = worker_ctx.data.get("call")
        return BoundStub(self._connection.current(), call, self._tokens)


class BoundStub:
    """A stub whose calls carry our caller's token, so they have no more rights than the caller."""

    def __init__(self, stub: Any, call: Call | None, tokens: ServiceTokens = PASSED_ON) -> None:
        self._stub = stub
        self._call = call
        self._tokens = tokens

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        """Return a function that calls the RPC of this name with a deadline of 5 seconds.

        The function takes the request and returns the response. An error of the other service is
        raised as the equivalent `Refusal`; see `refusal_of`.
        """
        method = getattr(self._stub, name)

        def invoke(request: Any) -> Any:
            token, caller = (self._call.token, self._call.traceparent) if self._call else ("", "")
            with span(f"call {name}", SpanKind.CLIENT, [caller], {"rpc.system": "grpc"}) as made:
                bearer = f"Bearer {self._tokens.around(token)}"
                metadata = [("authorization", bearer), ("traceparent", made)]
                try:
                    return method(request, timeout=5.0, metadata=metadata if self._call else ())
                except grpcio.RpcError as error:
                    raise refusal_of(error) from error

        return invoke


def refusal_of(error: grpcio.RpcError) -> Refusal:
    """Return the `Refusal` with the status, reason and details of another service's error.

    Returns `Unavailable` if there is no status, e.g. without a connection, or no matching class.
    """
    status = rpc_status.from_call(cast(Any, error))
    kind = KINDS.get(code_pb2.Code.Name(status.code)) if status is not None else None
    if status is None or kind is None:
        return Unavailable("the partners service cannot be reached; repeat the same call")
    info, wrong = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info) or detail.Unpack(wrong)
    fields = {violation.field: violation.description for violation in wrong.field_violations}
    reason, details = info.reason, dict(info.metadata)
    return kind(status.message, reason=reason, fields=fields, details=details)
