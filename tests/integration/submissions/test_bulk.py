"""Imports and decisions in bulk: one answer for each row, whatever happens at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from kieng.submissions.v1 import import_service_pb2, review_service_pb2
from kieng.submissions.v1 import submission_pb2 as pb
from kieng.submissions.v1 import submission_service_pb2 as rpc
from tests.import_double import ImportDouble
from tests.integration.submissions.conftest import Running
from tests.integration.submissions.test_service import (
    Code,
    decide,
    doi,
    events_about,
    request_id,
)
from tests.unit.submissions.builders import publication
from tests.waiting import wait_until


def row(
    number: int, record: str, content: pb.Content | None = None
) -> import_service_pb2.ImportSubmissionsRequest:
    source = pb.SourceRecord(system="cris", record_id=record)
    return import_service_pb2.ImportSubmissionsRequest(
        row=number, source_record=source, content=content
    )


def imported(
    service: Running, rows: Sequence[import_service_pb2.ImportSubmissionsRequest]
) -> list[Any]:
    return list(service.author.ImportSubmissions(iter(rows)))


def test_rows_are_created_amended_withdrawn_and_left_alone_in_order(service: Running) -> None:
    one, two = publication(doi()), publication(doi())
    rows = [
        row(1, "i1", one),
        row(2, "i1", one),
        row(3, "i1", two),
        row(4, "i1"),
        row(5, "i1"),
        row(6, "i1", one),
        row(7, "i2", publication("11.1/no")),
        row(8, "i3"),
        row(9, "", one),
        row(10, "i4", one),
    ]
    answers = imported(service, rows)
    pb2 = import_service_pb2
    created, amended, withdrawn = pb2.OUTCOME_CREATED, pb2.OUTCOME_AMENDED, pb2.OUTCOME_WITHDRAWN
    same, refused = pb2.OUTCOME_UNCHANGED, pb2.OUTCOME_UNSPECIFIED
    assert [a.row for a in answers] == list(range(1, 11))
    assert [a.outcome for a in answers] == [
        *(created, same, amended, withdrawn, same),
        *(pb2.OUTCOME_RENEWED, refused, refused, refused, created),
    ]
    codes = [a.error.code for a in answers[6:9]]
    assert codes == [
        c.value[0]
        for c in (
            Code.INVALID_ARGUMENT,
            Code.NOT_FOUND,
            Code.INVALID_ARGUMENT,
        )
    ]
    assert [a.version for a in answers[:6]] == [1, 1, 2, 3, 3, 4]
    wait_until(lambda: len(events_about(service, answers[0].submission_id)) == 5)
    assert [a.outcome for a in imported(service, rows[9:])] == [same]


def test_the_double_answers_as_the_service(service: Running) -> None:
    one, two = publication(doi()), publication(doi())
    ask = import_service_pb2.ImportBatchesRequest
    first = [row(1, "d1", one), row(2, "d2", two), row(3, "d1", one), row(4, "d1", two)]
    second = [row(5, "d1"), row(6, "d1"), row(7, "d2", two), row(8, "d1", one)]

    def told(batches: Iterator[import_service_pb2.ImportBatchesResponse]) -> list[Any]:
        answers = (each for batch in batches for each in batch.answers)
        return [(each.row, each.outcome, each.version) for each in answers]

    asked = [ask(rows=first), ask(rows=second), ask(rows=[row(9, "d2", two)])]
    assert told(ImportDouble().ImportBatches(iter(asked))) == told(
        service.author.ImportBatches(iter(asked))
    )


def test_batches_are_answered_as_their_rows_are_one_by_one(service: Running) -> None:
    first, second = publication(doi()), publication(doi())
    rows = [row(1, "b1", first), row(2, "b1", second), row(3, "b2", publication("11.1/no"))]
    ask = import_service_pb2.ImportBatchesRequest
    sent = [ask(rows=rows), ask(rows=[row(4, "b1", second), row(5, "", first)])]
    batches = list(service.author.ImportBatches(iter(sent)))
    assert [[each.row for each in batch.answers] for batch in batches] == [[1, 2, 3], [4, 5]]
    pb2 = import_service_pb2
    refused = pb2.OUTCOME_UNSPECIFIED
    assert [each.outcome for batch in batches for each in batch.answers] == [
        *(pb2.OUTCOME_CREATED, pb2.OUTCOME_AMENDED, refused),
        *(pb2.OUTCOME_UNCHANGED, refused),
    ]
    again = [each.error for each in imported(service, rows)]
    assert [batches[0].answers[2].error] == again[2:]


@pytest.mark.parametrize("number", [0, 201])
def test_a_batch_of_no_or_too_many_rows_is_refused_and_the_earlier_ones_stay(
    service: Running, number: int
) -> None:
    ask, name = import_service_pb2.ImportBatchesRequest, f"s{number}"
    good, claim = publication(doi()), publication(doi())
    wrong = ask(rows=[row(n + 1, f"{name}-{n}", claim) for n in range(number)])
    call = service.author.ImportBatches(iter([ask(rows=[row(1, name, good)]), wrong]))
    assert next(call).answers[0].outcome == import_service_pb2.OUTCOME_CREATED
    with pytest.raises(grpc.RpcError) as refusal:
        next(call)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    again = imported(service, [row(1, name, good), row(2, f"{name}-0")])
    assert again[0].outcome == import_service_pb2.OUTCOME_UNCHANGED
    assert again[1].error.code == grpc.StatusCode.NOT_FOUND.value[0]


def test_an_unchanged_record_that_was_returned_says_so_and_why(service: Running) -> None:
    rows = [row(1, "r1", publication(doi()))]
    (made,) = imported(service, rows)
    assert (made.state, made.reason) == (pb.STATE_SUBMITTED, "")
    submission_id = made.submission_id
    read = service.approver.GetSubmission(rpc.GetSubmissionRequest(submission_id=submission_id))
    returned = decide(
        service.approver, read.submission, review_service_pb2.DECISION_RETURN, "no proof"
    )
    assert returned.state == pb.STATE_RETURNED
    (again,) = imported(service, rows)
    assert again.outcome == import_service_pb2.OUTCOME_UNCHANGED
    assert (again.state, again.reason) == (pb.STATE_RETURNED, "no proof")


def test_many_are_decided_by_id_and_by_record_with_one_answer_each(service: Running) -> None:
    answers = imported(service, [row(n, f"d{n}", publication(doi())) for n in (1, 2, 3)])
    pb2 = review_service_pb2
    ids = [a.submission_id for a in answers]
    known = request_id()
    by_record = pb.SourceRecord(system="cris", record_id="d2")
    requests = [
        pb2.DecideSubmissionsRequest(
            request_id=known, submission_id=ids[0], decision=pb2.DECISION_VERIFY
        ),
        pb2.DecideSubmissionsRequest(
            request_id=request_id(), source_record=by_record, decision=pb2.DECISION_VERIFY
        ),
        pb2.DecideSubmissionsRequest(
            request_id=request_id(), submission_id=ids[2], decision=pb2.DECISION_VERIFY, version=9
        ),
        pb2.DecideSubmissionsRequest(
            request_id=request_id(), submission_id="no", decision=pb2.DECISION_VERIFY
        ),
        pb2.DecideSubmissionsRequest(request_id=request_id(), decision=pb2.DECISION_VERIFY),
        pb2.DecideSubmissionsRequest(
            request_id=known, submission_id=ids[0], decision=pb2.DECISION_VERIFY
        ),
    ]
    found = list(service.approver.DecideSubmissions(iter(requests)))
    assert [a.submission_id for a in found] == [ids[0], ids[1], "", "", "", ids[0]]
    assert [a.error.code for a in found[2:5]] == [
        c.value[0] for c in (Code.ABORTED, Code.NOT_FOUND, Code.INVALID_ARGUMENT)
    ]


def test_a_lost_race_inside_a_group_is_settled_one_by_one(service: Running) -> None:
    (answer,) = imported(service, [row(1, "race", publication(doi()))])
    pb2 = review_service_pb2
    by_id = pb2.DecideSubmissionsRequest(
        request_id=request_id(),
        submission_id=answer.submission_id,
        decision=pb2.DECISION_RETURN,
        reason="unclear",
    )
    by_record = pb2.DecideSubmissionsRequest(
        request_id=request_id(),
        source_record=pb.SourceRecord(system="cris", record_id="race"),
        decision=pb2.DECISION_REJECT,
        reason="not ours",
    )
    found = list(service.approver.DecideSubmissions(iter([by_id, by_record])))
    assert [each.submission_id for each in found] == [answer.submission_id] * 2
    reading = rpc.GetSubmissionRequest(submission_id=answer.submission_id)
    now = service.author.GetSubmission(reading).submission
    assert (now.state, now.version) == (pb.STATE_REJECTED, 3)


def test_two_imports_of_one_file_at_once_create_every_record_once(service: Running) -> None:
    rows = [row(n, f"twin{n}", publication(doi())) for n in range(1, 61)]
    with ThreadPoolExecutor(2) as both:
        one, two = both.map(lambda _: imported(service, rows), range(2))
    created, same = import_service_pb2.OUTCOME_CREATED, import_service_pb2.OUTCOME_UNCHANGED
    for first, second in zip(one, two, strict=True):
        assert {first.outcome, second.outcome} == {created, same}
        assert (first.submission_id, first.version) == (second.submission_id, second.version)


def test_decisions_sent_again_change_nothing_and_contrary_ones_are_refused(
    service: Running,
) -> None:
    made = imported(service, [row(n, f"again{n}", publication(doi())) for n in (1, 2)])
    pb2 = review_service_pb2

    def asked(
        verdicts: list[tuple[Any, str]],
    ) -> list[review_service_pb2.DecideSubmissionsRequest]:
        return [
            pb2.DecideSubmissionsRequest(
                request_id=request_id(),
                submission_id=answer.submission_id,
                version=answer.version,
                decision=decision,
                reason=reason,
            )
            for answer, (decision, reason) in zip(made, verdicts, strict=True)
        ]

    def versions() -> list[int]:
        asked = (rpc.GetSubmissionRequest(submission_id=each.submission_id) for each in made)
        return [service.author.GetSubmission(each).submission.version for each in asked]

    taken = [(pb2.DECISION_VERIFY, ""), (pb2.DECISION_RETURN, "unclear")]
    tried = [pb2.TryDecisionsRequest(decision=each) for each in asked(taken)]
    plans = list(service.approver.TryDecisions(iter(tried)))
    assert versions() == [1, 1]
    first = list(service.approver.DecideSubmissions(iter(asked(taken))))
    assert [plan.answer.submission_id for plan in plans] == [each.submission_id for each in first]
    assert [len(plan.events) for plan in plans] == [1, 1]
    assert versions() == [2, 2]
    again = list(service.approver.DecideSubmissions(iter(asked(taken))))
    assert [each.unchanged for each in first + again] == [False, False, True, True]
    contrary = [(pb2.DECISION_RETURN, "no proof"), (pb2.DECISION_VERIFY, "")]
    refused = list(service.approver.DecideSubmissions(iter(asked(contrary))))
    assert [each.error.code for each in refused] == [Code.FAILED_PRECONDITION.value[0]] * 2
    assert "verified since" in refused[0].error.message
    assert "returned since" in refused[1].error.message
    assert "unclear" in refused[1].error.message
    late = [pb2.TryDecisionsRequest(decision=each) for each in asked(contrary)]
    assert [p.answer.error.message for p in service.approver.TryDecisions(iter(late))] == [
        each.error.message for each in refused
    ]
    assert versions() == [2, 2]
