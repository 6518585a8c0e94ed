"""A request id is used for one method and one request, for ever and in the whole institution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from kieng.submissions.v1 import import_service_pb2, log_service_pb2, review_service_pb2
from kieng.submissions.v1 import submission_pb2 as pb
from kieng.submissions.v1 import submission_service_pb2 as rpc
from tests.integration.submissions.conftest import Running
from tests.integration.submissions.test_service import create, decide, doi, refusal, request_id
from tests.unit.submissions.builders import publication

Code = grpc.StatusCode
APPROVE, VERIFY = review_service_pb2.DECISION_APPROVE, review_service_pb2.DECISION_VERIFY


def use(service: Running, used: str, made: Any) -> dict[str, Callable[[], Any]]:
    """Return every other use of a request id on a submission."""
    about = {"request_id": used, "submission_id": made.submission_id}
    on = {**about, "version": made.version}
    author, approver = service.author, service.approver
    decision = review_service_pb2.DecideSubmissionRequest(**on, decision=VERIFY)
    old = {**about, "version": 99}
    amended = rpc.AmendSubmissionRequest(**on, content=publication(doi()))
    repair = log_service_pb2.RepairSubmissionRequest(**about, reason="why")
    return {
        "decide": lambda: approver.DecideSubmission(decision),
        "withdraw": lambda: author.WithdrawSubmission(rpc.WithdrawSubmissionRequest(**on)),
        "withdraw 99": lambda: author.WithdrawSubmission(rpc.WithdrawSubmissionRequest(**old)),
        "amend": lambda: author.AmendSubmission(amended),
        "submit": lambda: author.SubmitSubmission(rpc.SubmitSubmissionRequest(**on)),
        "create": lambda: create(author, request_id=used),
        "repair": lambda: approver.RepairSubmission(repair),
    }


WAYS = ["decide", "withdraw", "withdraw 99", "amend", "submit", "create", "repair"]


@pytest.mark.parametrize("way", WAYS)
def test_the_id_of_a_creation_does_nothing_else(service: Running, way: str) -> None:
    known = request_id()
    made = create(service.author, request_id=known)
    code, _, fields = refusal(use(service, known, made)[way])
    assert (code, fields) in [
        (Code.ALREADY_EXISTS, ["request_id"]),
        (Code.ALREADY_EXISTS, []),
    ]
    reading = rpc.GetSubmissionRequest(submission_id=made.submission_id)
    assert service.approver.GetSubmission(reading).submission == made


@pytest.mark.parametrize("way", WAYS)
def test_the_id_of_a_decision_does_nothing_else(service: Running, way: str) -> None:
    known, made = request_id(), create(service.author)
    asked = {"submission_id": made.submission_id, "version": 1, "decision": APPROVE}
    request = review_service_pb2.DecideSubmissionRequest(request_id=known, **asked)
    approved = service.approver.DecideSubmission(request).submission
    code = refusal(use(service, known, approved)[way])[0]
    assert code is Code.ALREADY_EXISTS
    # The very same request is answered as before.
    assert service.approver.DecideSubmission(request).submission == approved


@pytest.mark.parametrize("way", WAYS[:5])
def test_an_id_is_of_no_use_for_another_submission(service: Running, way: str) -> None:
    known = request_id()
    create(service.author, request_id=known)
    other = create(service.author, submit=way != "submit")
    assert refusal(use(service, known, other)[way])[0] in (Code.ALREADY_EXISTS, Code.ABORTED)
    reading = rpc.GetSubmissionRequest(submission_id=other.submission_id)
    assert service.approver.GetSubmission(reading).submission == other


def test_a_draft_is_not_submitted_by_the_id_that_made_it(service: Running) -> None:
    known, content = request_id(), publication(doi())
    create(service.author, content, request_id=known, submit=False)
    assert refusal(lambda: create(service.author, content, request_id=known))[0] is (
        Code.ALREADY_EXISTS
    )


def row(made: Any, known: str, decision: Any, reason: str = "") -> Any:
    return review_service_pb2.DecideSubmissionsRequest(
        request_id=known, submission_id=made.submission_id, decision=decision, reason=reason
    )


def test_a_batch_binds_its_ids_as_single_decisions_do(service: Running) -> None:
    one, other, known = create(service.author), create(service.author), request_id()
    first = request_id()
    third = create(service.author, request_id=first)
    rows = [
        row(one, known, APPROVE),
        row(one, known, APPROVE),
        row(one, known, VERIFY),
        row(other, known, APPROVE),
        row(third, first, VERIFY),
        row(other, request_id(), VERIFY),
    ]
    answers = list(service.approver.DecideSubmissions(iter(rows)))
    codes = [answer.error.code for answer in answers]
    exists = Code.ALREADY_EXISTS.value[0]
    assert codes == [0, 0, exists, exists, exists, 0]
    again = list(service.approver.DecideSubmissions(iter(rows[:1])))
    assert not again[0].HasField("error")
    single = {"request_id": known, "submission_id": one.submission_id, "version": 1}
    request = review_service_pb2.DecideSubmissionRequest(**single, decision=APPROVE)
    code, _, _ = refusal(lambda: service.approver.DecideSubmission(request))
    assert code is Code.ALREADY_EXISTS


def test_a_source_record_with_other_content_is_no_repeat(service: Running) -> None:
    source = pb.SourceRecord(system="cris", record_id=request_id())
    content = publication(doi())
    imported = import_service_pb2.ImportSubmissionsRequest(
        row=1, source_record=source, content=content
    )
    (answer,) = service.author.ImportSubmissions(iter([imported]))
    same = create(service.author, content, source_record=source)
    assert same.submission_id == answer.submission_id
    code, _, _ = refusal(lambda: create(service.author, source_record=source))
    assert code is Code.ALREADY_EXISTS


def test_the_digest_survives_a_decision_in_between(service: Running) -> None:
    known, content = request_id(), publication(doi())
    made = create(service.author, content, request_id=known)
    verified = decide(service.approver, made, VERIFY)
    assert create(service.author, content, request_id=known) == verified
