"""What a reviewer is told about a submission before deciding."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2
from kieng.submissions.v1 import review_service_pb2 as review_api
from kieng.submissions.v1 import submission_pb2
from services.cli.client.last_look import LastLook
from services.cli.client.troubles import CallFailed, Trouble
from services.cli.commands import review_next
from services.cli.commands.review_waiting import (
    Filters,
    Role,
    Waiting,
    other_claims,
    try_decisions,
)
from services.cli.terminal.screen import Screen
from services.texts import Lang

NOW = datetime(2025, 8, 1, tzinfo=UTC)
CHANGED = "the submission was changed in between; read it again and repeat"
TOLD = "hồ sơ vừa được người khác sửa"


def waiting(name: str = "vnu.1") -> Waiting:
    submission = submission_pb2.Submission(submission_id=name, version=1, work_key="doi:10.5555/x")
    submission.updated_at.FromDatetime(NOW)
    return Waiting(submission, True, NOW)


@pytest.mark.parametrize(
    ("zone", "day"), [("Asia/Ho_Chi_Minh", "2025-08-02"), ("UTC", "2025-08-01")]
)
def test_the_day_of_a_deadline_is_that_of_the_reader(
    zone: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 6:30 in the morning of the day after, in Vietnam.
    late = datetime(2025, 8, 1, 23, 30, tzinfo=UTC)
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert Waiting(submission_pb2.Submission(), True, late).due_day == day
    finally:
        monkeypatch.undo()
        time.tzset()


class Session:
    """A session whose services refuse each preview, and know two claims of the work."""

    screen = Screen(lang=Lang.vi)

    def stub(self, _: Any) -> Session:
        return self

    def TryDecisions(self, requests: Any) -> Any:
        for request in requests:
            tried = review_api.TryDecisionsResponse()
            tried.answer.request_id = request.decision.request_id
            tried.answer.error.code = 10
            tried.answer.error.message = CHANGED
            yield tried

    def ExplainAbsence(self, request: Any) -> Any:
        assert (request.work_key, request.indicator_code) == ("doi:10.5555/x", "COM-01")
        claims = [kpi_service_pb2.ExplainedClaim(submission_id=name) for name in ("vnu.1", "vnu.2")]
        return kpi_service_pb2.ExplainAbsenceResponse(claims=claims)


def test_claims_of_others_are_told_also_where_no_number_would_change() -> None:
    # A colleague of the same unit has claimed the work before: it counts already.
    item = waiting()
    assert item.effects == []
    claims = other_claims(Session(), item, "COM-01")  # type: ignore[arg-type]
    assert [each.submission_id for each in claims] == ["vnu.2"]


def test_why_one_may_not_decide_is_told_in_the_language_of_the_reader() -> None:
    item = waiting()
    try_decisions(Session(), Role.approver, [item])  # type: ignore[arg-type]
    assert item.refusal.startswith(f"! {TOLD}")


def test_a_refusal_between_two_decisions_is_told_in_the_language_of_the_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def refuse(*_: Any) -> Any:
        raise CallFailed(Trouble(grpc.StatusCode.ABORTED, CHANGED), "submissions", "127.0.0.1:1")

    session: Any = Session()
    session.screen = Screen(lang=Lang.vi)
    monkeypatch.setattr(review_next, "_open", lambda *_: iter([waiting()]))
    monkeypatch.setattr(review_next, "_whole", lambda *_: ({}, "x"))
    monkeypatch.setattr(review_next, "_key", lambda *_: "verify")
    monkeypatch.setattr(review_next, "_send", refuse)
    review_next._ask(session, Filters(), LastLook.of(tmp_path, "vnu approver"), [waiting()])
    assert TOLD in capsys.readouterr().err
