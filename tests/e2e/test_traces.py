"""One submission followed through all services; and what neither logs nor spans may say."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import grpc
import pytest
from uuid_utils import uuid7

from kieng.submissions.v1 import facts_pb2, submission_pb2
from kieng.submissions.v1 import review_service_pb2 as review_api
from kieng.submissions.v1 import submission_service_pb2 as api
from kieng.submissions.v1.review_service_pb2_grpc import ReviewServiceStub
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from tests.e2e.calls import Caller, article, creation
from tests.e2e.collecting import Collector
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

PARTNER = "Synthetic Partner"
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
PLANTED = ("Planted-Name", "planted@mail.invalid", "planted-title", "planted-reason")


def events(folder: Path) -> list[dict[str, str]]:
    """Every line of the services' logs that is one of ours, and is written whole."""
    texts = (path.read_text().rpartition("\n")[0] for path in folder.glob("*.log"))
    lines = [line for text in texts for line in text.splitlines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def refused(folder: Path) -> Counter[str]:
    """Status -> number of calls that ended so, by the logs."""
    told = ("call", "refused at the door")
    return Counter(event["code"] for event in events(folder) if event["event"] in told)


def agreement() -> facts_pb2.Facts:
    """An agreement with a partner: taking it asks the partners service who that is."""
    facts = facts_pb2.Facts()
    facts.agreement.number = "MOU-TRACE-1"
    facts.agreement.partner = PARTNER
    facts.agreement.kind = facts_pb2.Agreement.KIND_MOU
    facts.agreement.signed_on = "2022-03-03"
    return facts


def test_one_submission_is_followed_through_four_services(
    stack: RunningStack, collector: Collector
) -> None:
    added = ("partner", "add", PARTNER, "--house", "enterprise", "--institution", "vnu")
    assert stack.run(*added).code == 0
    token = stack.token("vnu", "contributor")
    metadata = (("authorization", f"Bearer {token}"), ("traceparent", TRACEPARENT))
    request = creation("vnu/hus", agreement())
    with stack.channel("submissions") as channel:
        SubmissionServiceStub(channel).CreateSubmission(request, timeout=10, metadata=metadata)
    wanted = {
        "kieng.submissions": {"kieng.submissions.v1.SubmissionService/CreateSubmission", "send"},
        "kieng.partners": {"kieng.partners.v1.PartnerService/ResolvePartner"},
        "kieng.kpi.aggregator": {"process kieng.submissions.v1"},
        "kieng.notifications": {"process kieng.submissions.v1"},
    }

    def is_complete() -> bool:
        found = collector.of(TRACE)
        return all(names <= found.get(service, set()) for service, names in wanted.items())

    wait_until(is_complete, 60, f"all of {wanted}; found {collector.of(TRACE)}")
    # The logs of two services name the same trace and what became of the call.
    said = [e for e in events(stack.data / "logs") if e.get("trace_id") == TRACE]
    outcomes = {(e["service"], e["code"]) for e in said if e["event"] == "call"}
    assert outcomes >= {("submissions", "OK"), ("partners", "OK")}


def sent_back(approver: Caller, found: submission_pb2.Submission) -> None:
    """Return a submission for a reason that concerns its author only."""
    request = review_api.DecideSubmissionRequest(
        request_id=str(uuid7()),
        submission_id=found.submission_id,
        version=found.version,
        decision=review_api.DECISION_RETURN,
        reason=PLANTED[3],
    )
    answer = approver.call("submissions", ReviewServiceStub, "DecideSubmission", request)
    assert answer.submission.state == submission_pb2.STATE_RETURNED


def test_logs_and_spans_hold_no_personal_data_and_no_secret(
    stack: RunningStack, collector: Collector
) -> None:
    author, token = Caller(stack, "vnu", "contributor"), stack.token("vnu", "contributor")
    logs = stack.data / "logs"
    before = refused(logs)
    expert = facts_pb2.Facts()
    expert.expert.CopyFrom(
        facts_pb2.Expert(
            person_id="opaque-1",
            name=PLANTED[0],
            country="DE",
            mode=facts_pb2.Expert.MODE_SHORT,
            started_on="2022-01-01",
            days=3,
        )
    )
    good = creation("vnu/hus", expert)
    good.content.evidence[0].title = PLANTED[2]
    sent_back(Caller(stack, "vnu", "approver"), author.create(good))
    broken = creation("vnu/hus", article("10.5555/planted", "no date at all"))
    broken.content.evidence[0].title = PLANTED[2]
    nowhere = creation("nowhere", expert)
    for wrong in (broken, nowhere):
        with pytest.raises(grpc.RpcError):
            author.create(wrong)
    stack.run("subscription", "set", "--email", PLANTED[1], "--institution", "vnu")
    forged = (("authorization", f"Bearer {token[:-4]}AAAA"),)
    with stack.channel("submissions") as channel, pytest.raises(grpc.RpcError):
        SubmissionServiceStub(channel).GetSubmission(
            api.GetSubmissionRequest(submission_id="x"), timeout=5, metadata=forged
        )

    def are_told() -> bool:
        return refused(logs) - before >= Counter(UNAUTHENTICATED=1, INVALID_ARGUMENT=2)

    wait_until(are_told, 60, "the refused calls are in the log")
    written = b"".join(path.read_bytes() for path in logs.glob("*.log"))
    spans = b"".join(span.raw for span in collector.spans)
    for secret in (*PLANTED, token, token.split(".")[1]):
        assert secret.encode() not in written
        assert secret.encode() not in spans
    assert b"SubmissionService/CreateSubmission" in spans
