import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from kieng.submissions.v1 import events_pb2, review_service_pb2
from kieng.submissions.v1 import log_service_pb2 as log_pb
from kieng.submissions.v1 import submission_pb2 as pb
from kieng.submissions.v1 import submission_service_pb2 as rpc
from tests.integration.submissions.conftest import Caller, Running
from tests.unit.submissions.builders import publication, transfer
from tests.waiting import wait_until

Code = grpc.StatusCode
VERIFY = review_service_pb2.DECISION_VERIFY
RETURN = review_service_pb2.DECISION_RETURN
REJECT = review_service_pb2.DECISION_REJECT


def request_id() -> str:
    return str(uuid.uuid4())


def doi() -> str:
    return f"10.1000/{uuid.uuid4()}"


def create(
    caller: Caller, content: pb.Content | None = None, *, submit: bool = True, **fields: Any
) -> Any:
    given = {"request_id": request_id(), **fields}
    content = content or publication(doi())
    request = rpc.CreateSubmissionRequest(content=content, submit=submit, **given)
    return caller.CreateSubmission(request).submission


def decide(
    caller: Caller,
    submission: Any,
    decision: review_service_pb2.Decision.ValueType,
    reason: str = "",
) -> Any:
    request = review_service_pb2.DecideSubmissionRequest(
        request_id=request_id(),
        submission_id=submission.submission_id,
        version=submission.version,
        decision=decision,
        reason=reason,
    )
    return caller.DecideSubmission(request).submission


def amend(caller: Caller, submission: Any, content: pb.Content) -> Any:
    request = rpc.AmendSubmissionRequest(
        request_id=request_id(),
        submission_id=submission.submission_id,
        version=submission.version,
        content=content,
    )
    return caller.AmendSubmission(request).submission


def refusal(call: Callable[[], Any]) -> tuple[grpc.StatusCode, str, list[str]]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    reason, fields = "", list[str]()
    error: Any = caught.value
    status = rpc_status.from_call(error)
    assert status is not None
    for detail in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        if detail.Unpack(bad):
            fields = [violation.field for violation in bad.field_violations]
    return error.code(), reason, fields


def events_about(service: Running, submission_id: str) -> list[events_pb2.SubmissionChanged]:
    decoded = [events_pb2.SubmissionChanged.FromString(e.value) for e in service.broker.events]
    return [event for event in decoded if event.submission_id == submission_id]


def test_a_claim_goes_from_draft_to_verified_and_is_published(service: Running) -> None:
    draft = create(service.author, publication(doi(), proofs=0), submit=False)
    assert draft.state == pb.STATE_DRAFT
    full = amend(service.author, draft, publication(doi()))
    request = rpc.SubmitSubmissionRequest(
        request_id=request_id(), submission_id=full.submission_id, version=full.version
    )
    submitted = service.author.SubmitSubmission(request).submission
    assert service.author.SubmitSubmission(request).submission == submitted
    verified = decide(service.approver, submitted, review_service_pb2.DECISION_VERIFY)
    assert (verified.state, verified.version) == (pb.STATE_VERIFIED, 4)
    wait_until(lambda: [e.version for e in events_about(service, draft.submission_id)] == [3, 4])
    last = events_about(service, draft.submission_id)[-1]
    assert last.declared == last.verified
    about = {"submission_id": draft.submission_id, "version": 4, "reason": "declared twice"}
    taken_back = rpc.WithdrawSubmissionRequest(request_id=request_id(), **about)
    gone = service.author.WithdrawSubmission(taken_back).submission
    assert not gone.HasField("verified_content")


def test_creating_again_answers_the_same_submission(service: Running) -> None:
    source = pb.SourceRecord(system="cris", record_id="again")
    content, known = publication(doi()), request_id()
    first = create(service.author, content, request_id=known, source_record=source)
    assert create(service.author, content, request_id=known, source_record=source) == first
    assert create(service.author, content, source_record=source) == first
    for fields in ({"request_id": known}, {"source_record": source}):
        code, _, _ = refusal(partial(create, service.author, publication(doi()), **fields))
        assert code is Code.ALREADY_EXISTS


def test_creating_again_after_an_amendment_still_answers_it(service: Running) -> None:
    content, known = publication(doi()), request_id()
    first = create(service.author, content, request_id=known)
    newer = amend(service.author, first, publication(doi()))
    assert create(service.author, content, request_id=known) == newer


def test_the_partner_of_a_contract_is_named_by_the_registry(service: Running) -> None:
    content = transfer("Partner One", "7/HĐ", partner_id="partner:forged")
    made = create(service.author, content)
    assert made.content.facts.transfer_contract.partner_id == "partner:one"
    assert made.work_key == "transfer_contract:partner:one:7/HĐ"


def wrong_institution(service: Running) -> Any:
    return create(service.caller("beta", "author", "contributor"))


def wrong_unit_in_institutions(service: Running) -> Any:
    return create(service.author, publication(doi(), institutions=["beta", "delta"]))


BAD: list[tuple[Callable[[Running], Any], grpc.StatusCode, list[str]]] = [
    (
        lambda s: create(s.author, publication("11.1/no")),
        Code.INVALID_ARGUMENT,
        ["content.facts.publication.doi"],
    ),
    (
        lambda s: create(s.author, publication(unit_id="alpha/none")),
        Code.INVALID_ARGUMENT,
        ["content.unit_id"],
    ),
    (
        lambda s: create(s.author, publication(unit_id="alpha/ended")),
        Code.INVALID_ARGUMENT,
        ["content.unit_id", "content.facts.publication.issued_on"],
    ),
    (
        wrong_unit_in_institutions,
        Code.INVALID_ARGUMENT,
        ["content.facts.publication.institutions[1]"],
    ),
    (
        lambda s: create(s.author, transfer(value_vnd="10.5")),
        Code.INVALID_ARGUMENT,
        ["content.facts.transfer_contract.value_vnd"],
    ),
    (
        lambda s: create(s.author, transfer("Nobody")),
        Code.INVALID_ARGUMENT,
        ["content.facts.transfer_contract.partner"],
    ),
    (
        lambda s: create(s.author, transfer("Several")),
        Code.INVALID_ARGUMENT,
        ["content.facts.transfer_contract.partner"],
    ),
    (
        lambda s: create(s.author, publication(doi(), proofs=0)),
        Code.INVALID_ARGUMENT,
        ["content.evidence"],
    ),
    (lambda s: create(s.author, request_id="7"), Code.INVALID_ARGUMENT, ["request_id"]),
    (wrong_institution, Code.PERMISSION_DENIED, ["content.unit_id"]),
    (
        lambda s: create(s.caller("alpha", "a", "contributor", unit="alpha/two")),
        Code.PERMISSION_DENIED,
        ["content.unit_id"],
    ),
    (lambda s: create(s.caller("gamma", "a", "contributor")), Code.PERMISSION_DENIED, []),
    (lambda s: create(s.caller("consortium", "a", "contributor")), Code.PERMISSION_DENIED, []),
    (lambda s: create(s.approver), Code.PERMISSION_DENIED, []),
    (lambda s: create(Caller(s.channel, [])), Code.UNAUTHENTICATED, []),
]


@pytest.mark.parametrize(("call", "code", "fields"), BAD)
def test_bad_input_is_refused_and_named(
    service: Running, call: Callable[[Running], Any], code: grpc.StatusCode, fields: list[str]
) -> None:
    found, _, named = refusal(lambda: call(service))
    assert (found, named) == (code, fields)


def test_nobody_decides_about_own_work(service: Running) -> None:
    both = service.caller("alpha", "author", "approver")
    made = create(service.author)
    code, reason, _ = refusal(lambda: decide(both, made, VERIFY))
    assert (code, reason) == (Code.PERMISSION_DENIED, "OWN_WORK")
    code, _, fields = refusal(lambda: decide(service.approver, made, RETURN))
    assert (code, fields) == (Code.INVALID_ARGUMENT, ["reason"])


def test_an_old_version_is_refused_and_a_closed_state_too(service: Running) -> None:
    made = create(service.author)
    amended = amend(service.author, made, publication(doi()))
    assert refusal(lambda: decide(service.approver, made, VERIFY))[0] is Code.ABORTED
    rejected = decide(service.approver, amended, REJECT, "not ours")
    refused = refusal(lambda: decide(service.approver, amended, VERIFY))
    assert refused[:2] == (Code.FAILED_PRECONDITION, "ALREADY_DECIDED")
    content = publication(doi())
    code = refusal(lambda: amend(service.author, rejected, content))[0]
    assert code is Code.FAILED_PRECONDITION


def test_absent_and_foreign_submissions_look_the_same(service: Running) -> None:
    made = create(service.author)
    reading = rpc.GetSubmissionRequest(submission_id=made.submission_id)
    absent = rpc.GetSubmissionRequest(submission_id="none")
    assert service.approver.GetSubmission(reading).submission == made
    answers = [
        refusal(lambda: service.caller("beta", "x", "auditor").GetSubmission(reading)),
        refusal(
            lambda: service.caller("alpha", "x", "reviewer", unit="alpha/two").GetSubmission(
                reading
            )
        ),
        refusal(lambda: service.approver.GetSubmission(absent)),
    ]
    assert answers == [(Code.NOT_FOUND, "NOT_FOUND", [])] * 3


def test_a_list_comes_page_by_page_and_a_token_fits_its_query_only(service: Running) -> None:
    made = [create(service.author, publication(doi(), unit_id="alpha/two")) for _ in range(3)]
    reviewer = service.caller("alpha", "r", "reviewer", unit="alpha/two")
    asked = rpc.ListSubmissionsRequest(page_size=2, type="publication")
    first = reviewer.ListSubmissions(asked)
    asked.page_token = first.next_page_token
    second = reviewer.ListSubmissions(asked)
    assert [*first.submissions, *second.submissions] == made
    assert second.next_page_token == ""
    asked.type = "receipt"
    _, _, fields = refusal(lambda: reviewer.ListSubmissions(asked))
    assert fields == ["page_token"]
    other = rpc.ListSubmissionsRequest(unit_id="alpha/one")
    assert not reviewer.ListSubmissions(other).submissions
    narrow = rpc.ListSubmissionsRequest(work_key=made[1].work_key, states=[pb.STATE_SUBMITTED])
    assert list(service.approver.ListSubmissions(narrow).submissions) == [made[1]]


def test_a_dead_broker_delays_events_and_loses_none(service: Running) -> None:
    service.broker.is_down = True
    made = create(service.author)
    verified = decide(service.approver, made, VERIFY)
    assert not events_about(service, made.submission_id)
    service.broker.is_down = False
    wait_until(lambda: len(events_about(service, made.submission_id)) == 2)
    assert events_about(service, made.submission_id)[-1].version == verified.version
    assert not service.container.finished.is_set()


def test_republishing_tells_the_present_state_and_then_that_it_is_whole(
    service: Running,
) -> None:
    made = create(service.author)
    moved = amend(service.author, decide(service.approver, made, VERIFY), publication(doi()))
    create(service.author, submit=False)
    wait_until(lambda: len(events_about(service, made.submission_id)) == 4)
    service.broker.events.clear()
    operator = service.caller("consortium", "op", "operator")
    steps = list(operator.RepublishLog(log_pb.RepublishLogRequest(generation=3)))
    assert [s.institution_id for s in steps if s.done] == ["alpha", "beta"]
    marks = [e for e in service.broker.events if e.key.startswith("republished:")]
    mark = events_pb2.LogRepublished.FromString(marks[0].value)
    assert (marks[0].key, mark.generation) == ("republished:alpha", 3)
    claims = events_about(service, made.submission_id)
    assert [(e.version, e.work_key, e.primary) for e in claims] == [
        (moved.version, made.work_key, False),
        (moved.version, moved.work_key, True),
    ]
    states = [events_pb2.SubmissionChanged.FromString(e.value) for e in service.broker.events]
    assert pb.STATE_DRAFT not in [state.state for state in states]
