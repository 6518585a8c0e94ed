"""Calls to the services with the caller's own token: channels, deadlines, and refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2

from kieng.directory.v1 import directory_service_pb2
from kieng.kpi.v1 import (
    catalogue_service_pb2,
    edition_service_pb2,
    kpi_service_pb2,
    parked_service_pb2,
    target_service_pb2,
)
from kieng.notifications.v1 import notification_service_pb2
from kieng.partners.v1 import partner_service_pb2
from kieng.submissions.v1 import (
    import_service_pb2,
    log_service_pb2,
    review_service_pb2,
    submission_service_pb2,
)
from services.kernel.tls import Connection
from services.portal.config import Settings

UNARY_SECONDS = 25.0
STREAM_SECONDS = 600.0
HEALTH_SECONDS = 2.0
DETAILS = "grpc-status-details-bin"
"""Name of the gRPC trailer with the `google.rpc.Status` of a refusal."""
OPTIONS = [
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
CONTRACTS: dict[str, tuple[Any, ...]] = {
    "kpi": (
        kpi_service_pb2,
        catalogue_service_pb2,
        target_service_pb2,
        edition_service_pb2,
        parked_service_pb2,
    ),
    "submissions": (
        submission_service_pb2,
        review_service_pb2,
        import_service_pb2,
        log_service_pb2,
    ),
    "partners": (directory_service_pb2, partner_service_pb2),
    "notifications": (notification_service_pb2,),
}
"""Process -> modules of the gRPC services that it implements.

Two processes implement the service of proposals, so it is not listed.
"""


def contracts() -> Iterable[tuple[str, ServiceDescriptor]]:
    """Yield (process, gRPC service) for each service in `CONTRACTS`, e.g. that of submissions."""
    for process, modules in CONTRACTS.items():
        for module in modules:
            for service in module.DESCRIPTOR.services_by_name.values():
                yield process, service


@dataclass(frozen=True)
class Refused(Exception):
    """Raised if a service refused a call or could not be reached.

    Args:
        code: name of the gRPC status.
        message: what is wrong and what to do about it, in English.
        reason: machine-readable reason; empty if the service gave none.
        fields: path of each wrong field -> what is wrong with it.
        details: details as the service sent them.
    """

    code: str
    message: str
    reason: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    details: tuple[Any, ...] = ()
    """Messages `google.protobuf.Any`."""


def refused(error: grpc.aio.AioRpcError) -> Refused:
    """Return the refusal that a failed call reports, with its details, if it has any."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS and isinstance(value, bytes):
            status.MergeFromString(value)
    return of_status(error.code().name, status, error.details() or "")


def of_status(code: str, status: status_pb2.Status, message: str = "") -> Refused:
    """Return the refusal that a status reports, e.g. that of one row of an import.

    Its reason and fields are taken from the details of the status; empty if it has none.

    Args:
        code: name of the gRPC status.
        status: the status with its details.
        message: used if the status has no message.
    """
    reason, fields = "", {}
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            reason = error_details_pb2.ErrorInfo.FromString(detail.value).reason
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            found = error_details_pb2.BadRequest.FromString(detail.value).field_violations
            fields = {each.field: each.description for each in found}
    return Refused(code, status.message or message, reason, fields, tuple(status.details))


class Services:
    """The services of this installation, called with the tokens of users.

    Belongs to one event loop.

    Args:
        settings: addresses of the services, and certificates.
    """

    def __init__(self, settings: Settings) -> None:
        self._connections = {
            process: Connection(
                getattr(settings, f"{process}_address"),
                settings,
                lambda channel: channel,
                OPTIONS,
                grpc.aio,
            )
            for process in CONTRACTS
        }
        self._process_of = {service.full_name: process for process, service in contracts()}

    def check(self) -> None:
        """Check that the settings allow calls to every service, without sending anything.

        Raises:
            TlsTrouble: a certificate is unusable, or a service beyond loopback would be called in
                plain text. The operator's fault.
        """
        for connection in self._connections.values():
            connection.current()

    async def close(self) -> None:
        """Close the channels to all services."""
        for connection in self._connections.values():
            await connection.close()

    async def unary(
        self, method: MethodDescriptor, request: Message, token: str, seconds: float = UNARY_SECONDS
    ) -> Any:
        """Return the answer to a call with one request and one answer.

        Args:
            method: the RPC; of a gRPC service in `CONTRACTS`.
            request: its request.
            token: the caller's token; empty to send none.
            seconds: time until the deadline; more than 25 count as 25.

        Raises:
            Refused: the service refused, or did not answer in time.
        """
        call = self._callable(method, "unary_unary")
        try:
            limit = min(seconds, UNARY_SECONDS)
            return await call(request, timeout=limit, metadata=_credential(token))
        except grpc.aio.AioRpcError as error:
            raise refused(error) from error

    async def stream(
        self, method: MethodDescriptor, request: Message, token: str
    ) -> AsyncGenerator[Any]:
        """Yield the answers of a server stream, without a deadline.

        The call is cancelled when the iteration ends, also if the caller ends it early.

        Args:
            method: the RPC; of a gRPC service in `CONTRACTS`.
            request: its request.
            token: the caller's token; empty to send none.

        Raises:
            Refused: the service refused, or the stream broke.
        """
        call = self._callable(method, "unary_stream")(request, metadata=_credential(token))
        async for answer in _answers(call):
            yield answer

    async def exchange(
        self, method: MethodDescriptor, requests: AsyncIterator[Message], token: str
    ) -> AsyncIterator[Any]:
        """Yield the answers to a stream of requests as they come.

        The call is cancelled when the iteration ends, and after ten minutes.

        Args:
            method: the RPC; of a gRPC service in `CONTRACTS`.
            requests: its requests.
            token: the caller's token; empty to send none.

        Raises:
            Refused: the service refused, or the stream broke or took too long.
        """
        make = self._callable(method, "stream_stream")
        call = make(requests, timeout=STREAM_SECONDS, metadata=_credential(token))
        async for answer in _answers(call):
            yield answer

    async def health(self) -> dict[str, bool]:
        """Return process -> whether it answers, within two seconds, that it is serving.

        It has a key for each process in `CONTRACTS`, and raises nothing if one cannot be reached.
        """
        (check,) = health_pb2.DESCRIPTOR.services_by_name.values()
        method: Any = check.methods_by_name["Check"]

        async def is_well(process: str) -> bool:
            call = self._call_on(process, method, "unary_unary")
            try:
                answer = await call(health_pb2.HealthCheckRequest(), timeout=HEALTH_SECONDS)
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

        found = await asyncio.gather(*map(is_well, CONTRACTS))
        return dict(zip(CONTRACTS, found, strict=True))

    def _callable(self, method: MethodDescriptor, kind: str) -> Any:
        return self._call_on(self._process_of[method.containing_service.full_name], method, kind)

    def _call_on(self, process: str, method: MethodDescriptor, kind: str) -> Any:
        channel = self._connections[process].current()
        answer = message_factory.GetMessageClass(method.output_type)
        return getattr(channel, kind)(
            f"/{method.containing_service.full_name}/{method.name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )


async def _answers(call: Any) -> AsyncIterator[Any]:
    try:
        async for answer in call:
            yield answer
    except grpc.aio.AioRpcError as error:
        raise refused(error) from error
    finally:
        call.cancel()


def _credential(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),) if token else ()
