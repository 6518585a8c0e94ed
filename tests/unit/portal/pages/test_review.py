"""The review queue says since when a submission waits, until when, and what it is called."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from tests.unit.portal.answered import Answers, Portal


def queue(days: int, lang: str = "vi") -> httpx.Response:
    """The queue with one agreement whose dates are of so many days ago."""
    waits = submission_pb2.Submission(
        submission_id="s1", version=1, work_key="sub:vnu.s1", state=submission_pb2.STATE_SUBMITTED
    )
    waits.content.facts.agreement.partner = "Viện Lúa"
    waits.updated_at.FromDatetime(datetime.now(UTC) - timedelta(days=days, hours=1))
    listed = submission_service_pb2.ListSubmissionsResponse(submissions=[waits])
    answers = Answers(ListSubmissions=lambda _: listed)
    return asyncio.run(Portal(answers, "approver").get("/review", lang=lang))


@pytest.mark.parametrize(("days", "is_overdue"), [(3, False), (15, True)])
def test_it_says_for_how_long_one_waits_and_marks_what_is_overdue(
    days: int, is_overdue: bool
) -> None:
    text = queue(days).text
    assert f"đã chờ {days} ngày, hạn" in text
    assert ('class="state bad"' in text) is is_overdue


def test_it_calls_a_work_by_its_name_and_previews_one_decision() -> None:
    text = queue(1, "en").text
    assert "<strong>Viện Lúa</strong>" in text
    assert "Preview the effects of: Verify" in text
