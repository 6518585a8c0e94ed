"""Calls every RPC of a running service as whoever may not, and compares databases byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import bson
import grpc
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from kieng.access.v1 import access_pb2
from services.kernel.mongo import Mongo
from services.policy.rules import rule_of

ROLES = [name.removeprefix("ROLE_").lower() for name in access_pb2.Role.keys()[1:]]
Metadata = tuple[tuple[str, str], ...]


def code_of(channel: grpc.Channel, method: MethodDescriptor, metadata: Metadata) -> grpc.StatusCode:
    """The status of a call with an empty message; OK if it is answered."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    plain: dict[str, Callable[[bytes], bytes]] = {
        "request_serializer": bytes,
        "response_deserializer": bytes,
    }
    try:
        if method.client_streaming:
            list(channel.stream_stream(path, **plain)(iter([b""]), timeout=10, metadata=metadata))
        elif method.server_streaming:
            next(channel.unary_stream(path, **plain)(b"", timeout=10, metadata=metadata), None)
        else:
            channel.unary_unary(path, **plain)(b"", timeout=10, metadata=metadata)
    except grpc.RpcError as error:
        code: grpc.StatusCode = error.code()
        return code
    return grpc.StatusCode.OK


def deny_everything(
    channel: grpc.Channel,
    services: Iterable[ServiceDescriptor],
    credentials: Iterable[Callable[[str], Metadata]],
) -> int:
    """Call every RPC with every role that it does not admit; return the number of calls.

    Args:
        channel: the running service.
        services: what it serves.
        credentials: each makes a credential with one role.
    """
    asked = 0
    for service in services:
        for method in service.methods:
            for role in sorted({*ROLES, "nobody"} - rule_of(method).roles):
                for made in credentials:
                    found = code_of(channel, method, made(role))
                    assert found is grpc.StatusCode.PERMISSION_DENIED, (method.full_name, role)
                    asked += 1
            for nobody in ((), (("authorization", "Bearer x"),)):
                assert code_of(channel, method, nobody) is grpc.StatusCode.UNAUTHENTICATED
                asked += 1
    return asked


def content_of(mongo: Mongo, database: str, without: Iterable[str] = ()) -> dict[str, list[bytes]]:
    """Every document of a database as bytes, by collection.

    Args:
        mongo: the database server.
        database: name of the database.
        without: collections that change by themselves.
    """
    options = CodecOptions[dict[str, Any]](uuid_representation=UuidRepresentation.STANDARD)
    found = mongo.database(database)
    return {
        name: sorted(
            bson.encode(document, codec_options=options) for document in found[name].find()
        )
        for name in sorted(set(found.list_collection_names()) - set(without))
    }
