"""A submission published again, to mend a record that could not be counted."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kieng.submissions.v1 import log_service_pb2, review_service_pb2
from kieng.submissions.v1 import submission_pb2 as pb
from services.kernel.errors import Conflict
from services.submissions.store import Submissions
from tests.integration.submissions.conftest import Running
from tests.integration.submissions.test_service import (
    create,
    decide,
    events_about,
    refusal,
    request_id,
)
from tests.waiting import wait_until


def request(submission: Any, name: str = "") -> log_service_pb2.RepairSubmissionRequest:
    return log_service_pb2.RepairSubmissionRequest(
        submission_id=submission.submission_id, request_id=name or request_id(), reason="parked"
    )


def test_the_present_state_is_published_as_a_new_version_that_nobody_is_told_of(
    service: Running,
) -> None:
    made = create(service.author)
    verified = decide(service.approver, made, review_service_pb2.DECISION_VERIFY)
    wanted = request(verified)
    operator = service.caller("alpha", "runner", "operator")
    answer = operator.RepairSubmission(wanted)
    assert answer.version == verified.version + 1
    assert operator.RepairSubmission(wanted).version == answer.version
    wait_until(
        lambda: answer.version in [e.version for e in events_about(service, made.submission_id)]
    )
    events = {event.version: event for event in events_about(service, made.submission_id)}
    repaired, before = events[answer.version], events[verified.version]
    assert before.primary
    assert not repaired.primary
    assert repaired.state == pb.STATE_VERIFIED
    assert (repaired.declared, repaired.verified) == (before.declared, before.verified)
    assert max(events) == answer.version
    stored = Submissions(service.mongo, "alpha").get(made.submission_id).submission
    entry = stored.audit[-1]
    assert (entry.action, entry.subject, entry.reason) == ("repair", "runner", "parked")


def test_a_draft_was_never_in_the_log(service: Running) -> None:
    draft = create(service.author, submit=False)
    code, reason, _ = refusal(lambda: service.approver.RepairSubmission(request(draft)))
    assert (code, reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")


def test_only_operators_and_approvers_of_the_institution_repair(service: Running) -> None:
    made = create(service.author)
    stranger = service.caller("beta", "runner", "operator")
    assert refusal(lambda: stranger.RepairSubmission(request(made)))[0] == (
        grpc.StatusCode.NOT_FOUND
    )
    author = service.author
    assert refusal(lambda: author.RepairSubmission(request(made)))[0] == (
        grpc.StatusCode.PERMISSION_DENIED
    )


def test_a_change_meanwhile_is_read_and_repaired_too(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = create(service.author)
    replace = Submissions.replace
    lost: list[Any] = []

    def losing(self: Submissions, write: Any) -> None:
        if len(lost) < 2:
            lost.append(write)
            raise Conflict("somebody was faster")
        replace(self, write)

    monkeypatch.setattr(Submissions, "replace", losing)
    assert service.approver.RepairSubmission(request(made)).version == made.version + 1
    monkeypatch.setattr(Submissions, "replace", lambda *_: losing_always())
    code = refusal(lambda: service.approver.RepairSubmission(request(made)))[0]
    assert code == grpc.StatusCode.ABORTED


def losing_always() -> None:
    raise Conflict("somebody was faster")
