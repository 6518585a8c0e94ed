"""Deciding about many: the summary shows what each number would become, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from google.rpc import error_details_pb2, status_pb2

from kieng.kpi.v1 import kpi_service_pb2 as kpi
from kieng.kpi.v1 import view_pb2
from kieng.submissions.v1 import review_service_pb2 as review
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from tests.unit.portal.answered import Answers, Portal

CHOSEN = ["s1@1", "s2@1", "s3@1"]


def both(verified: int) -> kpi.BothMeasures:
    return kpi.BothMeasures(
        declared=view_pb2.Value(whole=90), verified=view_pb2.Value(whole=verified)
    )


def tried(request: review.TryDecisionsRequest) -> list[review.TryDecisionsResponse]:
    name = request.decision.submission_id
    if name == "s3":
        status = status_pb2.Status(code=9, message="you may not decide about your own work")
        refused = review.DecideSubmissionsResponse(error=status)
        return [review.TryDecisionsResponse(answer=refused)]
    return [review.TryDecisionsResponse(events=[name.encode()])]


def counted(request: kpi.TryEventsRequest) -> list[kpi.TryEventsResponse]:
    assert list(request.verified) == [b"s1", b"s2"]
    effect = kpi.Effect(
        unit_id="vnu",
        indicator_code="KNW-03",
        from_month="2025-01",
        to_month="2025-12",
        before=both(40),
        once_submitted=both(40),
        once_verified=both(42),
    )
    return [kpi.TryEventsResponse(effects=[effect])]


def counted_one(request: kpi.TryEventsRequest) -> list[kpi.TryEventsResponse]:
    return [kpi.TryEventsResponse()]


def read(request: Any) -> submission_service_pb2.GetSubmissionResponse:
    found = submission_pb2.Submission(submission_id=request.submission_id, version=1)
    return submission_service_pb2.GetSubmissionResponse(submission=found)


def send(answers: Answers, path: str = "/review/many", **given: str) -> httpx.Response:
    portal = Portal(answers, "approver")
    csrf = portal.site.sessions.seal("form", {"holder": portal.session.holder})
    form = {"csrf": csrf, "decision": "verify", "reason": "", "chosen": CHOSEN} | given

    async def sent() -> httpx.Response:
        async with portal.client() as client:
            return await client.post(path, data=form)

    return asyncio.run(sent())


def test_the_summary_has_the_effect_of_all_and_the_refusal_of_one() -> None:
    page = send(Answers(TryDecisions=tried, TryEvents=counted, GetSubmission=read))
    assert page.status_code == 200
    assert "40 → 42" in page.text
    assert "KNW-03" in page.text
    assert page.text.count("✗") == 1


def test_what_cannot_be_tried_now_can_still_be_decided() -> None:
    def busy(request: Any) -> Any:
        raise Refused("RESOURCE_EXHAUSTED", "another preview runs")

    page = send(Answers(TryDecisions=tried, TryEvents=busy, GetSubmission=read))
    assert page.status_code == 200
    assert "chưa thử được" in page.text
    assert 'name="sure"' in page.text


def test_who_may_not_decide_is_refused() -> None:
    def forbidden(request: Any) -> Any:
        raise Refused("PERMISSION_DENIED", "not yours")

    page = send(Answers(TryDecisions=forbidden, GetSubmission=read))
    assert page.status_code == 403


def test_a_missing_reason_is_asked_for_and_the_effects_are_shown_without_it() -> None:
    def told(request: review.TryDecisionsRequest) -> list[review.TryDecisionsResponse]:
        assert request.decision.reason
        return tried(request)

    answers = Answers(TryDecisions=told, TryEvents=counted, GetSubmission=read)
    page = send(answers, decision="return", reason="")
    assert '<input name="reason" maxlength="1000" value="" required>' in page.text
    assert "40 → 42" in page.text


def test_what_is_wrong_with_a_field_is_said_in_the_language_of_the_page() -> None:
    text = "say why; the author sees the reason"
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="reason", description=text)
    status = status_pb2.Status(code=3, message=f"reason: {text}")
    status.details.add().Pack(bad)
    error = review.DecideSubmissionsResponse(error=status)
    refused = review.TryDecisionsResponse(answer=error)

    def decided(request: Any) -> list[review.DecideSubmissionsResponse]:
        return [error]

    preview = send(Answers(TryDecisions=lambda _: [refused], GetSubmission=read))
    after = send(Answers(DecideSubmissions=decided, GetSubmission=read), sure="1")
    for page in (preview, after):
        assert page.text.count("hãy nói vì sao; người nộp sẽ thấy lý do") == len(CHOSEN)
        assert text not in page.text


def test_what_was_decided_is_named_by_its_title_and_state() -> None:
    def verified(request: Any) -> submission_service_pb2.GetSubmissionResponse:
        found = submission_pb2.Submission(
            submission_id=request.submission_id, version=2, state=submission_pb2.STATE_VERIFIED
        )
        found.content.facts.publication.title = f"Bài {request.submission_id}"
        return submission_service_pb2.GetSubmissionResponse(submission=found)

    def decided(request: Any) -> list[review.DecideSubmissionsResponse]:
        return [review.DecideSubmissionsResponse(submission_id=request.submission_id)]

    page = send(Answers(DecideSubmissions=decided, GetSubmission=verified), sure="1")
    for name in ("s1", "s2", "s3"):
        assert f"Đã ghi quyết định: Bài {name} (đã xác minh)." in page.text


def test_one_that_is_returned_without_a_reason_is_asked_for_it() -> None:
    answers = Answers(TryDecisions=tried, TryEvents=counted_one, GetSubmission=read)
    given = {"submission_id": "s1", "version": "1", "decision": "return"}
    page = send(answers, "/review", **given)
    assert page.status_code == 400
    assert '<input name="reason" maxlength="1000" value="" required>' in page.text
    assert 'name="chosen" value="s1@1"' in page.text


def test_the_queue_keeps_its_filters_through_every_step_of_a_decision() -> None:
    def waits(request: Any) -> submission_service_pb2.ListSubmissionsResponse:
        found = submission_pb2.Submission(
            submission_id="s1", version=1, state=submission_pb2.STATE_SUBMITTED
        )
        return submission_service_pb2.ListSubmissionsResponse(submissions=[found])

    def one(request: Any) -> review.DecideSubmissionResponse:
        found = submission_pb2.Submission(submission_id="s1")
        return review.DecideSubmissionResponse(submission=found)

    def decided(request: Any) -> list[review.DecideSubmissionsResponse]:
        return [review.DecideSubmissionsResponse(submission_id=request.submission_id)]

    answers = Answers(
        ListSubmissions=waits,
        TryDecisions=tried,
        TryEvents=counted,
        GetSubmission=read,
        DecideSubmission=one,
        DecideSubmissions=decided,
    )
    kept = "type=patent&amp;due=soon"
    queue = asyncio.run(Portal(answers, "approver").get("/review", type="patent", due="soon"))
    for path in ("/review", "/review/many"):
        assert f'action="{path}?{kept}"' in queue.text
    plain = kept.replace("&amp;", "&")
    summary = send(answers, f"/review/many?{plain}")
    assert f'href="/review?{kept}"' in summary.text
    assert f'action="/review/many?{kept}"' in summary.text
    assert f'href="/review?{kept}"' in send(answers, f"/review/many?{plain}", sure="1").text
    sent = send(answers, f"/review?{plain}&done=s0", submission_id="s1", version="1")
    assert sent.headers["location"] == f"/review?{plain}&done=s1"
