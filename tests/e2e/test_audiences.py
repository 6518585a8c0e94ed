"""A token holds for the services that it names; a service that is taken over gets no further."""

from __future__ import annotations

from typing import Any

import grpc
import jwt
import pytest

from kieng.directory.v1 import directory_service_pb2
from kieng.directory.v1.directory_service_pb2_grpc import DirectoryServiceStub
from kieng.kpi.v1 import catalogue_service_pb2
from kieng.kpi.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from kieng.notifications.v1 import notification_service_pb2
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from kieng.submissions.v1 import submission_service_pb2
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.client.local_issuer import read_key
from services.kernel.access import AUDIENCE
from services.kernel.service_tokens import ServiceTokens
from services.policy.key_ids import key_id
from tests.e2e.running import RunningStack

READS: dict[str, tuple[Any, str, Any]] = {
    "submissions": (
        SubmissionServiceStub,
        "ListSubmissions",
        submission_service_pb2.ListSubmissionsRequest(),
    ),
    "partners": (
        DirectoryServiceStub,
        "GetDirectory",
        directory_service_pb2.GetDirectoryRequest(),
    ),
    "kpi": (CatalogueServiceStub, "GetCatalogue", catalogue_service_pb2.GetCatalogueRequest()),
    "notifications": (
        NotificationServiceStub,
        "GetSubscription",
        notification_service_pb2.GetSubscriptionRequest(),
    ),
}


def code(stack: RunningStack, service: str, token: str) -> grpc.StatusCode:
    stub_class, name, request = READS[service]
    metadata = (("authorization", f"Bearer {token}"),)
    with stack.channel(service) as channel:
        try:
            getattr(stub_class(channel), name)(request, timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            found: grpc.StatusCode = error.code()
            return found
    return grpc.StatusCode.OK


@pytest.mark.slow
def test_a_token_for_one_service_is_refused_by_every_other(stack: RunningStack) -> None:
    for named in READS:
        command = ("token", "--institution", "vnu", "--role", "auditor", "--service", named)
        token = stack.json(*command)["token"]
        for service in READS:
            right = grpc.StatusCode.OK if service == named else grpc.StatusCode.UNAUTHENTICATED
            assert code(stack, service, token) is right, (named, service)


@pytest.mark.slow
def test_a_token_for_all_services_at_once_holds_nowhere(stack: RunningStack) -> None:
    signer = read_key(stack.stack.issuer_folder / "vnu.pem")
    content = jwt.decode(
        stack.token("vnu", "auditor"), options={"verify_signature": False}, algorithms=["EdDSA"]
    )
    headers = {"kid": key_id(signer.public_key())}
    wide = jwt.encode({**content, "aud": AUDIENCE}, signer, algorithm="EdDSA", headers=headers)
    for service in READS:
        assert code(stack, service, wide) is grpc.StatusCode.UNAUTHENTICATED, service


@pytest.mark.slow
def test_whoever_takes_over_a_service_reads_what_it_reads_and_no_more(stack: RunningStack) -> None:
    command = ("token", "--institution", "vnu", "--role", "auditor", "--service", "submissions")
    caught = stack.json(*command)["token"]
    key = stack.stack.service_key_file.read_text()
    for called, right in (
        ("partners", grpc.StatusCode.OK),
        ("kpi", grpc.StatusCode.PERMISSION_DENIED),
        ("notifications", grpc.StatusCode.PERMISSION_DENIED),
    ):
        made = ServiceTokens("submissions", called, key).around(caught)
        assert code(stack, called, made) is right
