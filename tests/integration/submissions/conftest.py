"""A running submissions service on a real database, with its neighbours as ten-line fakes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nameko.extensions import DependencyProvider

from kieng.directory.v1 import directory_service_pb2, directory_service_pb2_grpc
from kieng.partners.v1 import partner_service_pb2, partner_service_pb2_grpc
from kieng.submissions.v1 import (
    import_service_pb2_grpc,
    log_service_pb2_grpc,
    review_service_pb2_grpc,
    submission_service_pb2_grpc,
)
from services.cli.backups.restore import drop
from services.kernel.container import NativeContainer
from services.kernel.errors import NotFound, Unavailable, WrongState
from services.kernel.grpc import GrpcServer
from services.kernel.interceptors import refuse
from services.kernel.mongo import Mongo
from services.kernel.publisher import Event
from services.submissions.config import Settings
from services.submissions.service import SubmissionsService
from services.submissions.store import Submissions
from tests.conftest import RunningDatabase

UNITS = ("alpha", "alpha/one", "alpha/two", "beta", "beta/one")
KEY = Ed25519PrivateKey.generate()


class FakePartners(
    directory_service_pb2_grpc.DirectoryServiceServicer,
    partner_service_pb2_grpc.PartnerServiceServicer,
):
    def GetDirectory(self, request: Any, context: Any) -> Any:
        answer = directory_service_pb2.GetDirectoryResponse()
        for unit_id in UNITS:
            answer.directory.units.add(unit_id=unit_id)
        ended = {"valid_to": "2024-06-02", "successor_ids": ["alpha/one"]}
        answer.directory.units.add(unit_id="alpha/ended", **ended)
        return answer

    def ResolvePartner(self, request: Any, context: Any) -> Any:
        if request.query.startswith("Several"):
            refuse(WrongState("p:1, p:2", reason="PARTNER_AMBIGUOUS"), context)
        if not request.query.startswith("Partner"):
            refuse(NotFound("no such partner", reason="PARTNER_UNKNOWN"), context)
        answer = partner_service_pb2.ResolvePartnerResponse()
        answer.partner.partner_id = f"partner:{request.query[-3:].lower()}"
        return answer


@dataclass
class Published:
    """Stands for the broker: keeps what is published, and can be down."""

    events: list[Event] = field(default_factory=list)
    is_down: bool = False

    def publish(self, events: Iterable[Event]) -> None:
        if self.is_down:
            raise Unavailable("the broker does not acknowledge")
        self.events.extend(events)

    def publish_everywhere(self, event: Event) -> None:
        self.publish([event])


BROKER = Published()


class Publishing(DependencyProvider):
    def get_dependency(self, worker_ctx: Any) -> Any:
        return BROKER.publish


class Logging(DependencyProvider):
    def get_dependency(self, worker_ctx: Any) -> Any:
        return BROKER


class ServiceWithoutBroker(SubmissionsService):
    publish = Publishing()
    log = Logging()


@dataclass
class Caller:
    """All stubs of the service with one caller's credential and a deadline."""

    channel: grpc.Channel
    metadata: list[tuple[str, str]]

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        for module, service in (
            (submission_service_pb2_grpc, "SubmissionService"),
            (review_service_pb2_grpc, "ReviewService"),
            (import_service_pb2_grpc, "ImportService"),
            (log_service_pb2_grpc, "LogService"),
        ):
            method = getattr(getattr(module, f"{service}Stub")(self.channel), name, None)
            if method is not None:
                return lambda request: method(request, timeout=30, metadata=self.metadata)
        raise AttributeError(name)


def token(institution: str, subject: str, *roles: str, unit: str = "") -> str:
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": f"urn:{institution}",
        "aud": ["kieng.submissions", "kieng.partners"],
        "sub": subject,
        "roles": roles,
    }
    claims |= {"iat": now, "exp": now + 600, **({"unit": unit} if unit else {})}
    return jwt.encode(claims, KEY, algorithm="EdDSA", headers={"kid": "k"})


@dataclass
class Running:
    """The running service."""

    address: str
    mongo: Mongo
    broker: Published
    container: NativeContainer
    channel: grpc.Channel

    def caller(self, institution: str, subject: str, *roles: str, unit: str = "") -> Caller:
        credential = token(institution, subject, *roles, unit=unit)
        return Caller(self.channel, [("authorization", f"Bearer {credential}")])

    @property
    def author(self) -> Caller:
        return self.caller("alpha", "author", "contributor")

    @property
    def approver(self) -> Caller:
        return self.caller("alpha", "decider", "approver", "reviewer")


@pytest.fixture(scope="module")
def issuers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    table = [
        {
            "issuer": f"urn:{institution}",
            "institution_id": institution,
            "algorithms": ["EdDSA"],
            "keys": {"k": public.decode()},
        }
        for institution in ("alpha", "beta", "gamma", "consortium")
    ]
    path = tmp_path_factory.mktemp("issuers") / "issuers.json"
    path.write_text(json.dumps({"issuers": table}))
    return path


@pytest.fixture(scope="module")
def partners_address() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4))
    # Methods that are not there answer UNIMPLEMENTED.
    fake = FakePartners()  # type: ignore[abstract]
    directory_service_pb2_grpc.add_DirectoryServiceServicer_to_server(fake, server)
    partner_service_pb2_grpc.add_PartnerServiceServicer_to_server(fake, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


@pytest.fixture(scope="module")
def service(mongo: RunningDatabase, issuers: Path, partners_address: str) -> Iterator[Running]:
    connection = Mongo(mongo.uri, 5000)
    for institution in ("alpha", "beta"):
        drop(connection, f"kieng_submissions_{institution}")
    settings = Settings(
        institutions=("alpha", "beta"),
        mongo_uri=mongo.uri,
        issuers_file=issuers,
        partners_address=partners_address,
    )
    container = NativeContainer(ServiceWithoutBroker, settings)
    container.start()
    (server,) = [each for each in container.extensions if isinstance(each, GrpcServer)]
    address = f"127.0.0.1:{server.port}"
    BROKER.events.clear()
    with grpc.insecure_channel(address) as channel:
        yield Running(address, connection, BROKER, container, channel)
    container.stop()
    connection.close()


@pytest.fixture
def submissions(mongo: RunningDatabase, database_name: str) -> Iterator[Submissions]:
    connection = Mongo(mongo.uri, 5000)
    found = Submissions(connection, f"inst-{database_name.replace('_', '-')}")
    found.declare()
    yield found
    connection.close()
