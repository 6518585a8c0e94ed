"""The editor: all that is wrong at once and in its place, and what another tab has changed."""

from __future__ import annotations

import asyncio
from typing import Any

import html5lib
import httpx
import pytest

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from tests.unit.portal.answered import Answers, Portal

FORM = {"type": "publication", "unit_id": "vnu/hus", "action": "submit", "title": "Lúa chịu mặn"}


def article(state: str = "SUBMITTED", version: int = 2) -> submission_pb2.Submission:
    found = submission_pb2.Submission(
        submission_id="s1", version=version, work_key="doi:10.5555/lua", reason="Thiếu trang bìa"
    )
    found.state = submission_pb2.State.Value(f"STATE_{state}")
    found.content.unit_id = "vnu/hus"
    found.content.facts.publication.title = "Lúa chịu mặn"
    found.content.facts.publication.issued_on = "2025-05-06"
    return found


def read(_: Any) -> submission_service_pb2.GetSubmissionResponse:
    return submission_service_pb2.GetSubmissionResponse(submission=article())


def sent(answers: Answers, path: str, **given: Any) -> httpx.Response:
    portal = Portal(answers, "contributor")
    csrf = portal.site.sessions.seal("form", {"holder": portal.session.holder})

    async def post() -> httpx.Response:
        async with portal.client() as client:
            return await client.post(path, data={"csrf": csrf, **FORM, **given})

    answer = asyncio.run(post())
    html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def refusing(code: str, message: str, **fields: str) -> Any:
    def refuse(_: Any) -> Any:
        raise Refused(code, message, "", {k.replace("__", "."): v for k, v in fields.items()})

    return refuse


def test_all_wrong_answers_are_told_at_once_and_lead_to_their_fields() -> None:
    page = sent(Answers(), "/submissions/new", share="một nửa", quartile_year="năm nay")
    assert page.status_code == 400
    assert "2 chỗ cần sửa" in page.text
    for name in ("share_ppm", "quartile_year"):
        assert f'href="#wrong-{name}"' in page.text
        assert f'id="wrong-{name}"' in page.text


def test_a_problem_of_a_proof_stands_in_its_row_and_no_row_is_added() -> None:
    path = "content.evidence[1].sha256"
    wrong = refusing("INVALID_ARGUMENT", "x", **{path: "is missing"})
    given = {
        "evidence_title": ["Bìa", "", "Bài"],
        "evidence_uri": ["", "", ""],
        "evidence_sha256": ["0" * 64, "", ""],
    }
    for _ in range(2):
        page = sent(Answers(CreateSubmission=wrong), "/submissions/new", **given)
        document = html5lib.parse(page.text, namespaceHTMLElements=False)
        rows = [each for each in document.iter("div") if "proof" in each.get("class", "")]
        assert len(rows) == 3
        marked = [each.find(".//*[@id='wrong-sha256-1']") is not None for each in rows]
        assert marked == [False, True, False]
        titles = [str(row.find(".//input[@name='evidence_title']").get("value")) for row in rows]
        assert titles == ["Bìa", "Bài", ""]
        # The form as it came back is sent again.
        given["evidence_title"], given["evidence_sha256"] = titles, ["0" * 64, "", ""]


def test_a_problem_without_a_place_in_the_form_is_told_above_it() -> None:
    wrong = refusing("INVALID_ARGUMENT", "x", request_id="is missing")
    page = sent(Answers(CreateSubmission=wrong), "/submissions/new")
    assert "request_id: " in page.text.partition('role="alert">')[2].partition("</p>")[0]


def test_who_would_replace_what_another_tab_has_sent_is_told_so() -> None:
    newer = refusing("ABORTED", "version 1 is not the newest, which is 2; read it again")
    answers = Answers(GetSubmission=read, AmendSubmission=newer)
    page = sent(answers, "/submissions/s1", version="1", title="Lúa khác")
    assert "nay là bản 2" in page.text
    assert "nếu gửi lần nữa, nó thay bản đó" in page.text
    assert 'href="/submissions/s1" target="_blank"' in page.text
    assert 'value="Lúa khác"' in page.text


@pytest.mark.parametrize(("state", "is_linked"), [("SUBMITTED", True), ("DRAFT", False)])
def test_a_submission_leads_to_the_numbers_that_it_may_count_in(
    state: str, is_linked: bool
) -> None:
    def found(_: Any) -> submission_service_pb2.GetSubmissionResponse:
        return submission_service_pb2.GetSubmissionResponse(submission=article(state))

    portal = Portal(Answers(GetSubmission=found), "contributor")
    page = asyncio.run(portal.get("/submissions/s1"))
    href = "/works?work=doi%3A10.5555%2Flua&amp;unit=vnu%2Fhus&amp;indicator=KNW-03"
    assert (f"{href}&amp;from=2025-01&amp;to=2025-12" in page.text) is is_linked
    assert "indicator=KNW-01" not in page.text


def test_a_submission_is_shown_while_the_catalogue_cannot_be_read() -> None:
    answers = Answers(GetSubmission=read, GetCatalogue=refusing("UNAVAILABLE", "try later"))
    page = asyncio.run(Portal(answers, "contributor").get("/submissions/s1"))
    assert page.status_code == 200
    assert 'value="Lúa chịu mặn"' in page.text
    assert "/works?" not in page.text
