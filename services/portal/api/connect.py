"""The Connect protocol in front of the gRPC services; every RPC is derived from the contracts.

Requests and answers are JSON or protobuf. Each call is passed on to the gRPC service with the
caller's own token, so the service decides, and its errors are returned unchanged.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from connectrpc.code import Code
from connectrpc.codec import Codec
from connectrpc.compat import google_protobuf_binary_codec
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.request import RequestContext
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from protobuf.wkt import Any as AnyMessage
from starlette.responses import PlainTextResponse

from services.portal.calls import UNARY_SECONDS, Refused, contracts
from services.portal.protection import API_BYTES_MAX
from services.portal.site import Site

STREAM_TYPES = {
    (False, False): StreamType.UNARY,
    (False, True): StreamType.SERVER_STREAM,
    (True, True): StreamType.BIDI_STREAM,
}
"""(Whether the client streams, whether the server streams) -> type of the RPC."""
CODES = {code.name: code for code in Code} | {"CANCELLED": Code.CANCELED}
GRPC = b"application/grpc"
ESCAPE = b"\\u"


class CompactJson(Codec[Any, Any]):
    """The codec for JSON: answers have no blanks, and malformed requests get a clear error."""

    def name(self) -> str:
        """Return `json`, the name of the codec in content types."""
        return "json"

    def encode(self, message: Message) -> bytes:
        """Return a message as JSON in UTF-8, in one line; fields that are not set are left out."""
        return json_format.MessageToJson(message, indent=None).encode()

    def decode(self, data: bytes | bytearray, message_class: type[Any]) -> Any:
        """Return the message that a JSON object describes; unknown fields are ignored.

        Args:
            data: the JSON in UTF-8.
            message_class: generated class of the message.

        Raises:
            ConnectError: InvalidArgument, as the data are not JSON of such a message. The caller's
                fault.
        """
        try:
            content = json.loads(data)
            if not isinstance(content, dict):
                raise ValueError("send one JSON object")
            if ESCAPE in data:
                # Half of a surrogate pair is a ValueError here, and a SystemError in protobuf.
                json.dumps(content, ensure_ascii=False).encode()
            return json_format.ParseDict(content, message_class(), ignore_unknown_fields=True)
        except (ValueError, OverflowError, RecursionError, json_format.ParseError) as error:
            raise ConnectError(
                Code.INVALID_ARGUMENT, f"not the JSON of a request: {error}"
            ) from error


class Connect(ConnectASGIApplication[Site]):
    """The ASGI application that answers all RPCs; it is mounted at `/api`.

    Args:
        site: provides the services.
    """

    def __init__(self, site: Site) -> None:
        codecs = [CompactJson(), google_protobuf_binary_codec()]
        super().__init__(
            service=site, endpoints=endpoints, codecs=codecs, read_max_bytes=API_BYTES_MAX
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a Connect request; refuse a gRPC request with 415, since gRPC needs HTTP/2."""
        kind = dict(scope.get("headers", ())).get(b"content-type", b"")
        if kind.startswith(GRPC):
            await PlainTextResponse("use the gRPC ports\n", 415)(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    @property
    def path(self) -> str:
        """Prefix of the paths of all RPCs; empty, because the mount has removed `/api`."""
        return ""


def endpoints(site: Site) -> Mapping[str, Any]:
    """Return path -> handler of its requests, for every RPC of the contracts.

    For example, `/kieng.kpi.v1.KpiService/GetKpis` leads to a handler that calls this RPC.

    Args:
        site: provides the services.
    """
    return {
        f"/{service.full_name}/{method.name}": _endpoint(site, method)
        for _, service in contracts()
        for method in service.methods
    }


def _endpoint(site: Site, method: MethodDescriptor) -> Any:
    kind = STREAM_TYPES[method.client_streaming, method.server_streaming]
    info: MethodInfo[Any, Any] = MethodInfo(
        name=method.name,
        service_name=method.containing_service.full_name,
        input=message_factory.GetMessageClass(method.input_type),
        output=message_factory.GetMessageClass(method.output_type),
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=kind,
    )

    async def unary(request: Any, context: RequestContext[Any, Any]) -> Any:
        seconds = UNARY_SECONDS if context.timeout_ms is None else context.timeout_ms / 1000
        try:
            return await site.services.unary(method, request, _token(context), seconds)
        except Refused as refused:
            raise error_of(refused) from refused

    async def stream(request: Any, context: RequestContext[Any, Any]) -> AsyncIterator[Any]:
        make = site.services.exchange if method.client_streaming else site.services.stream
        try:
            async for answer in make(method, request, _token(context)):
                yield answer
        except Refused as refused:
            raise error_of(refused) from refused

    if kind is StreamType.UNARY:
        return Endpoint.unary(info, unary)
    if kind is StreamType.SERVER_STREAM:
        return Endpoint.server_stream(info, stream)
    return Endpoint.bidi_stream(info, stream)


def _token(context: RequestContext[Any, Any]) -> str:
    scheme, _, token = (context.request_headers.get("authorization") or "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def error_of(refused: Refused) -> ConnectError:
    """Return the Connect error for a refusal, with the same code, message and details.

    A code that Connect does not know becomes `UNKNOWN`.
    """
    details = [AnyMessage(type_url=each.type_url, value=each.value) for each in refused.details]
    return ConnectError(CODES.get(refused.code, Code.UNKNOWN), refused.message, details)
