"""Who may verify and withdraw, tried on the running service."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kieng.submissions.v1 import import_service_pb2, review_service_pb2
from kieng.submissions.v1 import submission_pb2 as pb
from kieng.submissions.v1 import submission_service_pb2 as rpc
from tests.integration.submissions.conftest import Caller, Running
from tests.integration.submissions.test_service import (
    amend,
    create,
    decide,
    doi,
    events_about,
    refusal,
    request_id,
)
from tests.unit.submissions.builders import publication
from tests.waiting import wait_until

Code = grpc.StatusCode
VERIFY = review_service_pb2.DECISION_VERIFY


def withdraw(caller: Caller, submission: Any, reason: str = "") -> Any:
    request = rpc.WithdrawSubmissionRequest(
        request_id=request_id(),
        submission_id=submission.submission_id,
        version=submission.version,
        reason=reason,
    )
    return caller.WithdrawSubmission(request).submission


@pytest.mark.parametrize("subject", ["first", "FIRST", " first "])
def test_an_author_does_not_verify_after_another_amended_identically(
    service: Running, subject: str
) -> None:
    content = publication(doi())
    made = create(service.caller("alpha", "first", "contributor"), content)
    amended = amend(service.caller("alpha", "second", "contributor"), made, content)
    code, reason, _ = refusal(
        lambda: decide(service.caller("alpha", subject, "approver"), amended, VERIFY)
    )
    assert (code, reason) == (Code.PERMISSION_DENIED, "OWN_WORK")
    request = review_service_pb2.DecideSubmissionsRequest(
        request_id=request_id(), submission_id=made.submission_id, decision=VERIFY
    )
    batch = service.caller("alpha", subject, "approver").DecideSubmissions(iter([request]))
    assert [answer.error.code for answer in batch] == [Code.PERMISSION_DENIED.value[0]]


def test_an_approver_of_a_unit_does_not_verify_for_the_institution(service: Running) -> None:
    made = create(service.author)
    narrow = service.caller("alpha", "third", "approver", unit="alpha/one")
    code, reason, _ = refusal(lambda: decide(narrow, made, VERIFY))
    assert (code, reason) == (Code.PERMISSION_DENIED, "SCOPE_TOO_NARROW")
    assert decide(service.approver, made, VERIFY).state == pb.STATE_VERIFIED


def test_verified_work_of_another_is_not_withdrawn_by_a_contributor(service: Running) -> None:
    source = pb.SourceRecord(system="cris", record_id=request_id())
    made = create(service.author, source_record=source)
    verified = decide(service.approver, made, VERIFY)
    other = service.caller("alpha", "other", "contributor", unit="alpha/one")
    code, reason, _ = refusal(lambda: withdraw(other, verified, "why"))
    assert (code, reason) == (Code.PERMISSION_DENIED, "NOT_OWN_WORK")
    gone = import_service_pb2.ImportSubmissionsRequest(row=1, source_record=source, reason="why")
    (answer,) = other.ImportSubmissions(iter([gone]))
    assert answer.error.code == Code.PERMISSION_DENIED.value[0]
    amended = amend(other, verified, publication(doi()))
    assert refusal(lambda: withdraw(other, amended, "why"))[1] == "NOT_OWN_WORK"
    code, _, fields = refusal(lambda: withdraw(service.author, amended))
    assert (code, fields) == (Code.INVALID_ARGUMENT, ["reason"])
    assert withdraw(service.author, amended, "twice").state == pb.STATE_WITHDRAWN


def test_the_owner_is_named_to_be_notified_when_an_approver_withdraws(service: Running) -> None:
    verified = decide(service.approver, create(service.author), VERIFY)
    gone = withdraw(service.caller("alpha", "chief", "approver"), verified, "declared twice")
    wait_until(lambda: len(events_about(service, gone.submission_id)) == 3)
    last = events_about(service, gone.submission_id)[-1]
    assert (last.state, list(last.authors_to_notify)) == (pb.STATE_WITHDRAWN, ["author"])
