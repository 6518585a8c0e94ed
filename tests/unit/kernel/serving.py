"""A service of the test's own behind real contracts, and the tokens to call it with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc as grpcio
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from nameko.extensions import DependencyProvider

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from kieng.submissions.v1 import import_service_pb2
from services.kernel.config import KernelSettings
from services.kernel.container import NativeContainer
from services.kernel.grpc import CurrentCall, GrpcServer, grpc
from services.kernel.service_tokens import ServiceTokens
from services.policy.key_ids import key_id

SERVICE = api.DESCRIPTOR.services_by_name["NotificationService"]
IMPORT = import_service_pb2.DESCRIPTOR.services_by_name["ImportService"]
KEYS = {name: Ed25519PrivateKey.generate() for name in ("alpha", "beta")}


def public_pem(key: Ed25519PrivateKey) -> str:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


def service(name: str, called: str) -> tuple[ServiceTokens, dict[str, Any]]:
    """A service that calls another, with a key of its own, and its entry in the table."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    entry = {"service": name, "keys": {key_id(key.public_key()): public_pem(key)}}
    return ServiceTokens(name, called, pem.decode()), entry


def write_issuers(
    path: Path, *services: dict[str, Any], algorithms: tuple[str, ...] = ("EdDSA",)
) -> Path:
    issuers = [
        {
            "issuer": f"urn:{name}",
            "institution_id": name,
            "algorithms": list(algorithms),
            "keys": {"k": public_pem(key)},
        }
        for name, key in KEYS.items()
    ]
    path.write_text(json.dumps({"issuers": issuers, "services": services}))
    return path


def claims(institution: str = "alpha", **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    usual = {"iss": f"urn:{institution}", "aud": AUDIENCE, "sub": "somebody", "iat": now}
    return {**usual, "exp": now + 600, "roles": ["contributor"], **changed}


def token(institution: str = "alpha", *, key: str = "", kid: str = "k", **changed: Any) -> str:
    content = {name: value for name, value in claims(institution, **changed).items() if value}
    signer = KEYS[key or institution]
    return jwt.encode(content, signer, algorithm="EdDSA", headers={"kid": kid})


class Behaviour(DependencyProvider):
    """What the service does with a request; a test sets ``answer``."""

    def setup(self) -> None:
        self.answer: Callable[[Any, Any], Any] = lambda request, call: None

    def get_dependency(self, worker_ctx: Any) -> Behaviour:
        return self


AUDIENCE = "kieng.toy"
"""Audience of tokens for the toy."""


class Toy:
    name = "toy"
    serves = (SERVICE, IMPORT)

    call = CurrentCall()
    behaviour = Behaviour()

    @grpc
    def list_notifications(self, request: Any) -> Any:
        return self.behaviour.answer(request, self.call) or api.ListNotificationsResponse()

    @grpc
    def mark_read(self, request: Any) -> Any:
        return self.behaviour.answer(request, self.call) or api.MarkReadResponse()

    @grpc
    def get_subscription(self, request: Any) -> Any:
        return self.behaviour.answer(request, self.call) or api.GetSubscriptionResponse()

    @grpc
    def set_subscription(self, request: Any) -> Any:
        return self.behaviour.answer(request, self.call) or api.SetSubscriptionResponse()

    @grpc
    def confirm_email(self, request: Any) -> Any:
        return self.behaviour.answer(request, self.call) or api.ConfirmEmailResponse()

    @grpc(is_watch=True)
    def watch_notifications(self, request: Any) -> Iterator[Any]:
        yield api.WatchNotificationsResponse()
        yield from self.behaviour.answer(request, self.call) or ()

    @grpc
    def import_submissions(self, requests: Any) -> Iterator[Any]:
        for _ in requests:
            yield import_service_pb2.ImportSubmissionsResponse()

    @grpc
    def import_batches(self, requests: Any) -> Iterator[Any]:
        for _ in requests:
            yield import_service_pb2.ImportBatchesResponse()

    @grpc
    def try_import(self, requests: Any) -> Iterator[Any]:
        for _ in requests:
            yield import_service_pb2.TryImportResponse()

    @grpc
    def try_batches(self, requests: Any) -> Iterator[Any]:
        for _ in requests:
            yield import_service_pb2.TryBatchesResponse()


class Client:
    """The toy's stub with a token; every call has a deadline unless told otherwise."""

    def __init__(
        self,
        channel: grpcio.Channel,
        container: NativeContainer,
        behaviour: Behaviour,
        server: GrpcServer,
    ) -> None:
        self.channel = channel
        self.container = container
        self.behaviour = behaviour
        self.server = server
        self.stub = NotificationServiceStub(channel)

    def get(self, credential: str | None = None, timeout: float | None = 5, **more: str) -> Any:
        metadata = [("authorization", f"Bearer {token() if credential is None else credential}")]
        return self.stub.GetSubscription(
            api.GetSubscriptionRequest(),
            timeout=timeout,
            metadata=[*metadata, *more.items()],  # type: ignore[arg-type]
        )


@contextmanager
def running(settings: KernelSettings, service: type = Toy) -> Iterator[Client]:
    container = NativeContainer(service, settings)
    container.start()
    try:
        (server,) = [each for each in container.extensions if isinstance(each, GrpcServer)]
        (behaviour,) = [each for each in container.dependencies if isinstance(each, Behaviour)]
        with grpcio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield Client(channel, container, behaviour, server)
    finally:
        container.stop()
    assert container.failure is None


def refused(ask: Any) -> grpcio.RpcError:
    with pytest.raises(grpcio.RpcError) as refusal:
        ask()
    return refusal.value


def reason_of(error: Any) -> str:
    info = error_details_pb2.ErrorInfo()
    status = rpc_status.from_call(error)
    assert status is not None
    assert status.details[0].Unpack(info)
    return str(info.reason)


def watch(client: Client) -> Any:
    metadata = (("authorization", f"Bearer {token()}"),)
    return client.stub.WatchNotifications(api.WatchNotificationsRequest(), metadata=metadata)
