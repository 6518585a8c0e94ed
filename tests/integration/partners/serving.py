"""Runs one service in this process as its runner would, and calls it as people with tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from kafka import KafkaConsumer, TopicPartition

from kieng.proposals.v1 import proposal_service_pb2, proposal_service_pb2_grpc
from services.kernel.config import KernelSettings
from services.kernel.container import NativeContainer
from services.kernel.grpc import GrpcServer
from tests.waiting import wait_until

KEY = Ed25519PrivateKey.generate()
INSTITUTIONS = ("alpha", "beta", "gamma", "delta", "root")


def write_issuers(path: Path) -> Path:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    entry = {"algorithms": ["EdDSA"], "keys": {"k": public.decode()}}
    issuers = [{"issuer": f"urn:{i}", "institution_id": i, **entry} for i in INSTITUTIONS]
    path.write_text(json.dumps({"issuers": issuers}))
    return path


AUDIENCES = ["kieng.partners", "kieng.notifications", "kieng.kpi"]
"""The services that tests call with these tokens."""


def credential(
    institution: str, subject: str, *roles: str, unit: str = ""
) -> tuple[tuple[str, str], ...]:
    now = int(time.time())
    claims = {"iss": f"urn:{institution}", "aud": AUDIENCES, "sub": subject, "roles": roles}
    claims |= {"unit": unit} if unit else {}
    token = jwt.encode(
        {**claims, "iat": now, "exp": now + 600}, KEY, algorithm="EdDSA", headers={"kid": "k"}
    )
    return (("authorization", f"Bearer {token}"),)


class Caller:
    """A stub with a credential; every unary call has a deadline of ten seconds."""

    def __init__(self, stub: Any, metadata: tuple[tuple[str, str], ...]) -> None:
        self.stub = stub
        self.metadata = metadata

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.stub, name)
        return lambda request: method(request, timeout=10, metadata=self.metadata)


@contextmanager
def running(service: type, settings: KernelSettings) -> Iterator[grpc.Channel]:
    """A channel to the running service; it is stopped, and must have been well, afterwards."""
    container = NativeContainer(service, settings)
    container.start()
    try:
        (server,) = [each for each in container.extensions if isinstance(each, GrpcServer)]
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield channel
    finally:
        container.stop()
    assert container.failure is None


def agreed(channel: grpc.Channel, answer: Any) -> Any:
    """Approve the proposal of an answer as each institution that is bound, by the real RPC."""
    stub = proposal_service_pb2_grpc.ProposalServiceStub(channel)
    found = answer.proposal
    for institution in found.members:
        if institution not in found.approved_by:
            steward = Caller(stub, credential(institution, "steward", "steward"))
            request = proposal_service_pb2.ApproveProposalRequest(
                proposal_id=found.proposal_id, digest=found.digest
            )
            found = steward.ApproveProposal(request).proposal
    return found


class Log:
    """Reads a topic of one partition from its beginning, as long as the block lasts."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        self.consumer.assign([TopicPartition(topic, 0)])
        self.consumer.seek_to_beginning()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *error: object) -> None:
        self.consumer.close()

    def more(self) -> list[Any]:
        """What came since the last call, after waiting shortly."""
        return [r for records in self.consumer.poll(timeout_ms=200).values() for r in records]

    def first(self, wanted: Any, seconds: float = 15.0) -> Any:
        """The first record from here on that is wanted."""
        return wait_until(lambda: next(filter(wanted, self.more()), None), seconds)


def refusal_of(call: Any, request: Any) -> tuple[grpc.StatusCode, dict[str, str]]:
    with pytest.raises(grpc.RpcError) as refusal:
        call(request)
    error: Any = refusal.value
    status = rpc_status.from_call(error)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return error.code(), dict(info.metadata)
