"""Whoever a submission does not belong to sees, in every state, what he sees where there is none.

And what one university sees does not depend on what another keeps to itself, or tries.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from kieng.submissions.v1 import import_service_pb2, log_service_pb2, review_service_pb2
from kieng.submissions.v1 import submission_pb2 as pb
from kieng.submissions.v1 import submission_service_pb2 as rpc
from tests.integration.denying import content_of
from tests.integration.submissions.conftest import Caller, Running
from tests.integration.submissions.test_service import (
    create,
    decide,
    doi,
    refusal,
    request_id,
)
from tests.unit.submissions.builders import publication
from tests.waiting import wait_until

ROLES = ("contributor", "reviewer", "approver", "auditor", "operator", "steward", "viewer")
D = review_service_pb2
States = dict[str, pb.Submission]


@pytest.fixture(scope="module")
def in_every_state(service: Running) -> States:
    """One submission of alpha/one in each state."""
    reviewer = service.caller("alpha", "reviewer", "reviewer")

    def made(*decisions: D.Decision.ValueType, submit: bool = True) -> pb.Submission:
        found = create(service.author, submit=submit)
        for decision in decisions:
            decider = reviewer if decision == D.DECISION_APPROVE else service.approver
            found = decide(decider, found, decision, "why")
        return pb.Submission.FromString(found.SerializeToString())

    withdrawn = made()
    gone = rpc.WithdrawSubmissionRequest(
        request_id=request_id(),
        submission_id=withdrawn.submission_id,
        version=withdrawn.version,
        reason="why",
    )
    return {
        "draft": made(submit=False),
        "submitted": made(),
        "unit_approved": made(D.DECISION_APPROVE),
        "verified": made(D.DECISION_VERIFY),
        "returned": made(D.DECISION_RETURN),
        "rejected": made(D.DECISION_REJECT),
        "withdrawn": service.author.WithdrawSubmission(gone).submission,
    }


def outsiders(service: Running) -> dict[str, tuple[Caller, str]]:
    """Callers with every role, none of whom reaches alpha/one, and a unit that each reaches."""
    return {
        "another institution": (service.caller("beta", "spy", *ROLES), "beta/one"),
        "a unit of another institution": (
            service.caller("beta", "spy", *ROLES, unit="beta/one"),
            "beta/one",
        ),
        "a sibling": (service.caller("alpha", "spy", *ROLES, unit="alpha/two"), "alpha/two"),
    }


def attempts(submission_id: str, version: int, unit: str) -> Iterator[tuple[str, Message]]:
    """Every call about one submission."""
    changed: dict[str, Any] = {
        "request_id": request_id(),
        "submission_id": submission_id,
        "version": version,
    }
    yield "GetSubmission", rpc.GetSubmissionRequest(submission_id=submission_id)
    content = publication(doi(), unit_id=unit)
    yield "AmendSubmission", rpc.AmendSubmissionRequest(content=content, **changed)
    yield "SubmitSubmission", rpc.SubmitSubmissionRequest(**changed)
    yield "WithdrawSubmission", rpc.WithdrawSubmissionRequest(reason="x", **changed)
    for decision in D.Decision.values():
        if decision:
            request = D.DecideSubmissionRequest(decision=decision, reason="x", **changed)
            yield "DecideSubmission", request
    yield (
        "RepairSubmission",
        log_service_pb2.RepairSubmissionRequest(
            request_id=request_id(), submission_id=submission_id, reason="x"
        ),
    )


def content(service: Running) -> dict[str, dict[str, list[bytes]]]:
    """Every document of both institutions as bytes, when every event is published."""
    found = {}
    for institution in ("alpha", "beta"):
        name = f"kieng_submissions_{institution}"
        database = service.mongo.database(name)
        names, pending = database.list_collection_names(), {"outbox_pending": True}
        wait_until(partial(_is_without, database, names, pending))
        wait_until(partial(_is_without, database, ["outbox"], {}))
        found[institution] = content_of(service.mongo, name)
    return found


def _is_without(database: Any, names: list[str], query: dict[str, Any]) -> bool:
    return not any(database[name].find_one(query) for name in names)


def answer_of(caller: Caller, name: str, request: Message) -> tuple[grpc.StatusCode, str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        getattr(caller, name)(request)
    error: Any = caught.value
    return error.code(), error.details(), refusal_reason(lambda: getattr(caller, name)(request))


def refusal_reason(call: Callable[[], Any]) -> str:
    return refusal(call)[1]


def test_in_no_state_does_an_outsider_learn_or_change_anything(
    service: Running, in_every_state: States
) -> None:
    before, asked = content(service), 0
    for caller, unit in outsiders(service).values():
        nothing = dict(attempts(str(uuid.uuid4()), 1, unit))
        absent = {name: answer_of(caller, name, request) for name, request in nothing.items()}
        assert {code for code, _, _ in absent.values()} == {grpc.StatusCode.NOT_FOUND}
        for state, found in in_every_state.items():
            for name, request in attempts(found.submission_id, found.version, unit):
                assert answer_of(caller, name, request) == absent[name], (state, name)
                asked += 1
    assert asked == 3 * 7 * 9
    assert content(service) == before


def test_lists_streams_and_filters_show_an_outsider_nothing(
    service: Running, in_every_state: States
) -> None:
    before = content(service)
    for name, (caller, _) in outsiders(service).items():
        for found in in_every_state.values():
            for request in (
                rpc.ListSubmissionsRequest(),
                rpc.ListSubmissionsRequest(work_key=found.work_key),
                rpc.ListSubmissionsRequest(unit_id="alpha/one"),
                rpc.ListSubmissionsRequest(unit_id="alpha"),
            ):
                listed = caller.ListSubmissions(request)
                assert (list(listed.submissions), listed.next_page_token) == ([], ""), name
        ids = [found.submission_id for found in in_every_state.values()] + [str(uuid.uuid4())]
        decisions = [
            D.DecideSubmissionsRequest(
                request_id=request_id(), submission_id=each, decision=D.DECISION_VERIFY
            )
            for each in ids
        ]
        answers = [each.error for each in caller.DecideSubmissions(iter(decisions))]
        assert len(answers) == len(ids)
        assert all(answer == answers[-1] for answer in answers)
    assert content(service) == before


def test_a_claim_for_a_unit_out_of_reach_is_refused_and_stores_nothing(service: Running) -> None:
    before = content(service)
    for caller, _ in outsiders(service).values():
        request = rpc.CreateSubmissionRequest(
            content=publication(doi(), unit_id="alpha/one"), submit=True, request_id=request_id()
        )
        assert answer_of(caller, "CreateSubmission", request)[0] in (
            grpc.StatusCode.PERMISSION_DENIED,
            grpc.StatusCode.INVALID_ARGUMENT,
        )
        row = import_service_pb2.ImportSubmissionsRequest(
            row=1,
            content=publication(doi(), unit_id="alpha/one"),
            source_record=pb.SourceRecord(system="cris", record_id=request_id()),
        )
        (answer,) = caller.ImportSubmissions(iter([row]))
        assert answer.HasField("error")
    assert content(service) == before


def seen_by_beta(service: Running) -> list[bytes]:
    """Everything that beta can read of submissions."""
    auditor = service.caller("beta", "auditor", "auditor")
    listed = auditor.ListSubmissions(rpc.ListSubmissionsRequest())
    singles = [
        auditor.GetSubmission(rpc.GetSubmissionRequest(submission_id=each.submission_id))
        for each in listed.submissions
    ]
    return [each.SerializeToString(deterministic=True) for each in (listed, *singles)]


def test_what_a_university_sees_does_not_depend_on_drafts_denied_calls_and_hostile_traffic(
    service: Running,
) -> None:
    author = service.caller("beta", "author", "contributor")
    shared = doi()
    mine = create(author, publication(shared, unit_id="beta/one"))
    create(author, publication(doi(), unit_id="beta/one"), submit=False)
    content(service)
    service.broker.events.clear()
    without = seen_by_beta(service)

    # Drafts of the same work, calls on beta's own things, rubbish, and odd credentials.
    for _ in range(5):
        create(service.author, publication(shared, proofs=0), submit=False)
    spy = service.caller("alpha", "spy", *ROLES)
    for name, request in attempts(mine.submission_id, mine.version, "alpha/one"):
        assert answer_of(spy, name, request)[0] is grpc.StatusCode.NOT_FOUND
    nobody = Caller(service.channel, [("authorization", "Bearer x")])
    for name, request in attempts(mine.submission_id, mine.version, "beta/one"):
        assert answer_of(nobody, name, request)[0] is grpc.StatusCode.UNAUTHENTICATED
    for unit in ("alpha/none", "beta/one", "../beta", "alpha/one\u200b"):
        bad = rpc.CreateSubmissionRequest(
            content=publication(doi(), unit_id=unit), request_id=request_id()
        )
        answer_of(spy, "CreateSubmission", bad)
    content(service)
    assert seen_by_beta(service) == without
    assert service.broker.events == []  # drafts and refused calls tell nobody anything
