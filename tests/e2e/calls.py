"""Plain gRPC calls, made the way a stranger would make them from the contracts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from uuid_utils import uuid7

from kieng.submissions.v1 import facts_pb2, submission_pb2
from kieng.submissions.v1 import review_service_pb2 as review_api
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.review_service_pb2_grpc import ReviewServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.e2e.running import RunningStack

SECONDS = 10.0
PROOF = submission_pb2.Evidence(
    title="synthetic document", sha256=hashlib.sha256(b"synthetic").hexdigest()
)


@dataclass(frozen=True)
class Refused:
    """What a refused call left."""

    code: grpc.StatusCode
    text: str
    reason: str
    fields: tuple[str, ...]


def article(doi: str, issued_on: str) -> facts_pb2.Facts:
    """An indexed article."""
    publication = facts_pb2.Publication(
        doi=doi,
        title="Synthetic article",
        issued_on=issued_on,
        indexes=[facts_pb2.Publication.INDEX_SCOPUS],
    )
    return facts_pb2.Facts(publication=publication)


def creation(unit_id: str, facts: facts_pb2.Facts) -> api.CreateSubmissionRequest:
    """A request that creates and hands in one claim."""
    content = submission_pb2.Content(unit_id=unit_id, facts=facts, evidence=[PROOF])
    return api.CreateSubmissionRequest(request_id=str(uuid7()), content=content, submit=True)


class Caller:
    """Somebody with a token."""

    def __init__(
        self, stack: RunningStack, institution: str, role: str, seconds: float | None = SECONDS
    ) -> None:
        self._stack = stack
        self._metadata = (("authorization", f"Bearer {stack.token(institution, role)}"),)
        self._seconds = seconds

    def call(self, service: str, stub_class: Any, method: str, request: Any) -> Any:
        """Make one call."""
        with self._stack.channel(service) as channel:
            function = getattr(stub_class(channel), method)
            return function(request, timeout=self._seconds, metadata=self._metadata)

    def create(self, request: api.CreateSubmissionRequest) -> submission_pb2.Submission:
        """Create a submission."""
        stub = SubmissionServiceStub
        answer: submission_pb2.Submission
        answer = self.call("submissions", stub, "CreateSubmission", request).submission
        return answer

    def read(self, submission_id: str) -> submission_pb2.Submission:
        """Read a submission."""
        request = api.GetSubmissionRequest(submission_id=submission_id)
        stub = SubmissionServiceStub
        answer: submission_pb2.Submission
        answer = self.call("submissions", stub, "GetSubmission", request).submission
        return answer

    def verify(self, submission_id: str, version: int) -> submission_pb2.Submission:
        """Verify a submission."""
        request = review_api.DecideSubmissionRequest(
            request_id=str(uuid7()),
            submission_id=submission_id,
            version=version,
            decision=review_api.DECISION_VERIFY,
        )
        answer: submission_pb2.Submission
        answer = self.call("submissions", ReviewServiceStub, "DecideSubmission", request).submission
        return answer


def refusal(error: Any) -> Refused:
    """Read what a failed call says."""
    reason, fields = "", ()
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(bad):
            fields = tuple(violation.field for violation in bad.field_violations)
    return Refused(error.code(), error.details(), reason, fields)
