"""What an import would do, told without doing it; and an import that does only what was planned."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from kieng.submissions.v1 import events_pb2, import_service_pb2
from kieng.submissions.v1 import submission_pb2 as pb
from services.submissions import import_previews
from tests.integration.submissions.conftest import Caller, Running
from tests.integration.submissions.test_bulk import imported, row
from tests.integration.submissions.test_service import Code, doi, events_about
from tests.unit.submissions.builders import publication
from tests.waiting import wait_until


def tried(
    service: Running, rows: list[Any], *, with_events: bool = False, by: Caller | None = None
) -> list[import_service_pb2.TryImportResponse]:
    requests = [
        import_service_pb2.TryImportRequest(row=each, with_events=with_events) for each in rows
    ]
    return list((by or service.author).TryImport(iter(requests)))


def stored(service: Running) -> int:
    submissions = service.mongo.database("kieng_submissions_alpha")["submissions"]
    return submissions.count_documents({})


def test_a_trial_answers_what_the_import_answers_and_writes_nothing(service: Running) -> None:
    (known,) = imported(service, [row(1, "t0", publication(doi()))])
    one, two = publication(doi()), publication(doi())
    rows = [
        *(row(1, "t1", one), row(2, "t1", one), row(3, "t1", two), row(4, "t1"), row(5, "t1")),
        *(row(6, "t1", one), row(7, "t2", publication("11.1/no")), row(8, "t3"), row(9, "", one)),
        *(row(10, "t0", two), row(11, "t0", two)),
    ]
    before = stored(service)
    planned = tried(service, rows)
    assert stored(service) == before
    done = imported(service, rows)
    for plan, answer in zip(planned, done, strict=True):
        same = type(answer)()
        same.CopyFrom(answer)
        if answer.submission_id != known.submission_id:
            same.submission_id = ""  # it does not exist yet
        assert plan.answer == same
    assert [each.version_before for each in planned] == [0, 1, 1, 2, 3, 3, 0, 0, 0, 1, 2]
    assert not any(each.submitted or each.verified for each in planned)


def in_batches(
    service: Running, *batches: list[Any], with_events: bool = False
) -> list[list[import_service_pb2.TryImportResponse]]:
    ask = import_service_pb2.TryBatchesRequest
    requests = [ask(rows=rows, with_events=with_events) for rows in batches]
    return [list(each.answers) for each in service.author.TryBatches(iter(requests))]


@pytest.mark.parametrize("with_events", [False, True])
def test_rows_in_batches_are_tried_as_they_are_one_by_one(
    service: Running, with_events: bool
) -> None:
    one, two = publication(doi()), publication(doi())
    first = [row(1, "b1", one), row(2, "b1", two), row(3, "b2", publication("11.1/no"))]
    second = [row(4, "b1", two), row(5, "b1"), row(6, "", one)]
    before = stored(service)
    alone = tried(service, [*first, *second], with_events=with_events)
    batches = in_batches(service, first, second, with_events=with_events)
    assert stored(service) == before
    assert [len(answers) for answers in batches] == [3, 3]
    together = [answer for answers in batches for answer in answers]
    assert [each.answer for each in together] == [each.answer for each in alone]
    assert [each.version_before for each in together] == [0, 1, 0, 2, 2, 0]
    for name in ("submitted", "verified"):
        numbers = [len(getattr(each, name)) for each in together]
        assert numbers == [len(getattr(each, name)) for each in alone]
        assert any(numbers) == with_events


@pytest.mark.parametrize("number", [0, 201])
def test_a_batch_of_no_or_too_many_rows_is_not_tried(service: Running, number: int) -> None:
    claim = publication(doi())
    with pytest.raises(grpc.RpcError) as refused:
        in_batches(service, [row(n + 1, f"n{n}", claim) for n in range(number)])
    assert refused.value.code() is Code.INVALID_ARGUMENT


def test_the_events_of_a_trial_are_those_of_the_import_and_of_its_verification(
    service: Running,
) -> None:
    rows = [row(1, "e1", publication(doi()))]
    (plan,) = tried(service, rows, with_events=True)
    (answer,) = imported(service, rows)
    wait_until(lambda: events_about(service, answer.submission_id))
    (published,) = events_about(service, answer.submission_id)
    handed_in, verified = (
        [events_pb2.SubmissionChanged.FromString(value) for value in values]
        for values in (plan.submitted, plan.verified)
    )
    for event in (*handed_in, published):
        for unlike in ("submission_id", "changed_at"):
            event.ClearField(unlike)
    assert handed_in == [published]
    (checked,) = verified
    assert checked.state == pb.STATE_VERIFIED
    assert checked.version == handed_in[0].version + 1
    assert checked.verified == checked.declared == published.declared
    assert checked.HasField("verified_at")


def test_a_withdrawal_is_followed_by_no_verification(service: Running) -> None:
    imported(service, [row(1, "w1", publication(doi()))])
    (plan,) = tried(service, [row(1, "w1")], with_events=True)
    (event,) = map(events_pb2.SubmissionChanged.FromString, plan.submitted)
    assert not event.HasField("declared")
    assert not plan.verified


def test_an_import_of_a_plan_refuses_a_record_that_moved_on_and_repeats_what_it_did(
    service: Running,
) -> None:
    first, second, third = (publication(doi()) for _ in range(3))
    plan = row(1, "p1", first)
    plan.version_before = 0
    assert imported(service, [plan])[0].outcome == import_service_pb2.OUTCOME_CREATED
    assert imported(service, [plan])[0].outcome == import_service_pb2.OUTCOME_UNCHANGED
    imported(service, [row(1, "p1", second)])
    outdated = row(1, "p1", third)
    outdated.version_before = 1
    (answer,) = imported(service, [outdated])
    assert answer.error.code == Code.ABORTED.value[0]
    assert "version 2" in answer.error.message
    (told,) = tried(service, [outdated])
    assert told.answer == answer
    outdated.version_before = 2
    assert imported(service, [outdated])[0].outcome == import_service_pb2.OUTCOME_AMENDED


def test_a_trial_tells_nothing_of_other_units_and_has_a_limit(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(service, [row(1, "o1", publication(doi()))])
    below = service.caller("alpha", "below", "contributor", unit="alpha/two")
    (told,) = tried(service, [row(1, "o1", publication(doi()))], by=below)
    assert told.answer.error.code == Code.PERMISSION_DENIED.value[0]
    assert not told.version_before
    monkeypatch.setattr(import_previews, "ROWS_MAX", 1)
    with pytest.raises(grpc.RpcError) as refused:
        tried(service, [row(1, "o1"), row(2, "o2")])
    assert refused.value.code() is Code.RESOURCE_EXHAUSTED
    with pytest.raises(grpc.RpcError) as refused:
        in_batches(service, [row(1, "o1")], [row(2, "o2")])
    assert refused.value.code() is Code.RESOURCE_EXHAUSTED
