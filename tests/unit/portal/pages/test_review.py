"""The review queue: the longest wait first, what its filters keep, and the reasons so far."""

import asyncio
import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import html5lib
import httpx
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from tests.unit.portal.answered import CATALOGUE, Answers, Portal


def waits(number: int, days: float, reason: str = "") -> submission_pb2.Submission:
    """One agreement that has waited for so many days."""
    found = submission_pb2.Submission(
        submission_id=f"s{number}",
        version=1,
        work_key=f"sub:vnu.s{number}",
        state=submission_pb2.STATE_SUBMITTED,
        reason=reason,
    )
    found.content.facts.agreement.partner = f"Viện Lúa {number}"
    found.updated_at.FromDatetime(datetime.now(UTC) - timedelta(days=days, hours=1))
    return found


def history(request: submission_service_pb2.GetSubmissionRequest) -> Any:
    assert request.with_history
    found = waits(1, 1)
    entry = found.history.add(
        version=2, action=submission_pb2.ACTION_RETURN, reason="Thiếu <b>bản ký</b>"
    )
    entry.at.FromDatetime(datetime(2025, 5, 1, 18, tzinfo=UTC))
    return submission_service_pb2.GetSubmissionResponse(submission=found)


def queue(
    *waiting: submission_pb2.Submission, answers: Answers | None = None, **query: str
) -> httpx.Response:
    """The queue with these submissions, in the order in which the service lists them."""
    listed = submission_service_pb2.ListSubmissionsResponse(submissions=waiting)
    own = answers or Answers(ListSubmissions=lambda _: listed, GetSubmission=history)
    answer = asyncio.run(Portal(own, "approver").get("/review", **query))
    if answer.headers["content-type"].startswith("text/html"):
        html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def names(answer: httpx.Response) -> list[str]:
    return re.findall("<strong>(Viện Lúa [0-9]+)</strong>", answer.text)


@pytest.mark.parametrize(("days", "is_overdue"), [(3, False), (15, True)])
def test_it_says_for_how_long_one_waits_and_marks_what_is_overdue(
    days: int, is_overdue: bool
) -> None:
    text = queue(waits(1, days)).text
    assert f"đã chờ {days} ngày, hạn" in text
    assert ('class="state bad"' in text) is is_overdue


def test_it_calls_a_work_by_its_name_and_previews_one_decision() -> None:
    text = queue(waits(1, 1), lang="en").text
    assert "<strong>Viện Lúa 1</strong>" in text
    assert "Preview the effects of: Verify" in text


def test_the_longest_wait_comes_first_and_pages_follow_in_that_order() -> None:
    listed = [waits(number, number / 24) for number in range(60)]
    first = queue(*listed)
    assert names(first) == [f"Viện Lúa {number}" for number in range(59, 9, -1)]
    assert "1–50 trong 60" in first.text  # noqa: RUF001
    assert 'href="/review?page=1"' in first.text
    second = queue(*listed, page="1")
    assert names(second) == [f"Viện Lúa {number}" for number in range(9, -1, -1)]
    file = queue(*listed, file="csv").content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(file)))
    assert [line[0] for line in lines[1:]] == [f"s{number}" for number in range(59, -1, -1)]


@pytest.mark.parametrize("page", ["9", "x", "-1", "999999999999", "²"])
def test_a_page_that_is_not_there_is_the_nearest_one(page: str) -> None:
    assert names(queue(waits(1, 1), page=page)) == ["Viện Lúa 1"]


@pytest.mark.parametrize(
    ("due", "expected"), [("", [3, 2, 1]), ("overdue", [3]), ("soon", [3, 2]), ("odd", [3, 2, 1])]
)
def test_it_is_filtered_by_when_a_decision_is_due(due: str, expected: list[int]) -> None:
    listed = [waits(1, 1), waits(2, 9), waits(3, 20)]
    assert names(queue(*listed, due=due)) == [f"Viện Lúa {number}" for number in expected]


def test_the_other_filters_are_the_services_and_stay_in_the_form() -> None:
    asked = []

    def listed(request: Any) -> Any:
        asked.append(submission_service_pb2.ListSubmissionsRequest())
        asked[-1].CopyFrom(request)
        return submission_service_pb2.ListSubmissionsResponse(submissions=[waits(1, 1)])

    given = {"unit": "a/x", "type": "agreement", "state": "unit_approved", "since": "2025-03-01"}
    text = queue(answers=Answers(ListSubmissions=listed), **given).text
    (request,) = asked
    assert (request.unit_id, request.type) == ("a/x", "agreement")
    assert list(request.states) == [submission_pb2.STATE_UNIT_APPROVED]
    assert request.changed_since.ToJsonString() == "2025-02-28T17:00:00Z"
    assert 'value="a/x"' in text
    assert 'value="agreement" selected' in text
    assert 'value="2025-03-01"' in text


def test_a_wrong_day_or_unit_is_refused_with_what_was_meant() -> None:
    assert queue(waits(1, 1), since="hôm qua").status_code == 400
    unknown = queue(waits(1, 1), unit="a/xx")
    assert unknown.status_code == 404
    assert "a/x" in unknown.text


def test_more_than_can_be_sorted_is_said() -> None:
    def listed(request: Any) -> Any:
        return submission_service_pb2.ListSubmissionsResponse(
            submissions=[waits(1, 1)], next_page_token="more"
        )

    text = queue(answers=Answers(ListSubmissions=listed)).text
    assert "2.000 hồ sơ được tạo sớm nhất" in text
    assert len(names(queue(answers=Answers(ListSubmissions=listed)))) == 4


def test_the_reasons_so_far_are_a_thread_with_times_of_the_portals_zone() -> None:
    text = queue(waits(1, 1, reason="Thiếu bản ký"), waits(2, 1)).text
    assert "<blockquote>Thiếu &lt;b&gt;bản ký" in text
    assert "trả lại" in text
    assert "2 thg 5 2025 01:00" in text
    assert 'href="/submissions/s2"' in text


def test_what_was_just_decided_is_named_and_what_cannot_be_read_is_left_out() -> None:
    def read(request: submission_service_pb2.GetSubmissionRequest) -> Any:
        if request.submission_id != "s7":
            raise Refused("NOT_FOUND", "no such submission")
        return submission_service_pb2.GetSubmissionResponse(submission=waits(7, 0))

    answers = Answers(
        ListSubmissions=lambda _: submission_service_pb2.ListSubmissionsResponse(),
        GetSubmission=read,
    )
    assert "Đã ghi quyết định: Viện Lúa 7 (đã nộp)." in queue(answers=answers, done="s7").text
    other = queue(answers=answers, done="s8")
    assert other.status_code == 200
    assert "Đã ghi quyết định" not in other.text


def test_no_form_of_the_queue_is_sent_by_enter_in_its_reason() -> None:
    page = html5lib.parse(queue(waits(1, 1)).text, namespaceHTMLElements=False)
    forms = [
        form for form in page.iter("form") if form.find(".//input[@name='reason']") is not None
    ]
    assert len(forms) == 2
    for form in forms:
        assert "disabled" in next(form.iter("button")).attrib


@pytest.mark.parametrize("is_down", [False, True])
def test_units_have_names_and_only_ids_while_the_catalogue_cannot_be_read(is_down: bool) -> None:
    waiting = waits(1, 1)
    waiting.content.unit_id = "vnu/hus"
    listed = submission_service_pb2.ListSubmissionsResponse(submissions=[waiting])

    def down(_: Any) -> Any:
        raise Refused("UNAVAILABLE", "try later")

    catalogue = catalogue_pb2.Catalogue()
    catalogue.CopyFrom(CATALOGUE)
    catalogue.units.add(unit_id="vnu/hus").name.vi = "Trường Khoa học Mẫu"
    found = catalogue_service_pb2.GetCatalogueResponse(catalogue=catalogue)
    more = {"GetCatalogue": down if is_down else lambda _: found}
    answers = Answers(ListSubmissions=lambda _: listed, GetSubmission=history, **more)
    page = queue(answers=answers)
    assert page.status_code == 200
    assert ("Trường Khoa học Mẫu" in page.text) is not is_down
    assert "vnu/hus" in page.text
