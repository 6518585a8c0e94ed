"""Submissions on pages: a change names what was looked at, and a list goes on as it began."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from tests.unit.portal.answered import Answers, Portal


def read(request: Any) -> submission_service_pb2.GetSubmissionResponse:
    found = submission_pb2.Submission(submission_id=request.submission_id, version=8)
    found.state = submission_pb2.STATE_SUBMITTED
    return submission_service_pb2.GetSubmissionResponse(submission=found)


def sent(answers: Answers, path: str, role: str, **given: str) -> httpx.Response:
    portal = Portal(answers, role)
    csrf = portal.site.sessions.seal("form", {"holder": portal.session.holder})

    async def send() -> httpx.Response:
        async with portal.client() as client:
            return await client.post(path, data={"csrf": csrf, **given})

    return asyncio.run(send())


def test_what_changed_after_it_was_looked_at_is_not_withdrawn_unseen() -> None:
    def withdrawn(request: Any) -> Any:
        return submission_service_pb2.WithdrawSubmissionResponse()

    answers = Answers(GetSubmission=read, WithdrawSubmission=withdrawn)
    page = sent(answers, "/submissions/s1", "contributor", action="withdraw", version="7")
    assert page.status_code == 303
    (asked,) = (each for each in answers.asked if "reason" in each.DESCRIPTOR.fields_by_name)
    assert asked.version == 7  # type: ignore[attr-defined]


@pytest.mark.parametrize("version", ["9" * 19, "9" * 5000, "x"])
@pytest.mark.parametrize(
    ("path", "field"), [("/review", "version"), ("/review/many", "chosen")], ids=["one", "many"]
)
def test_a_version_that_no_submission_has_is_refused(path: str, field: str, version: str) -> None:
    given = {field: f"s1@{version}" if field == "chosen" else version}
    page = sent(Answers(GetSubmission=read), path, "approver", decision="verify", **given)
    assert page.status_code == 400


def test_the_next_page_of_a_list_is_of_the_same_list() -> None:
    def listed(request: Any) -> submission_service_pb2.ListSubmissionsResponse:
        one = submission_pb2.Submission(submission_id="s1", state=submission_pb2.STATE_SUBMITTED)
        return submission_service_pb2.ListSubmissionsResponse(
            submissions=[one], next_page_token="t2"
        )

    portal = Portal(Answers(ListSubmissions=listed), "approver")
    given = {"type": "publication", "unit": "vnu/hus", "done": "s0", "page": "t1"}
    page = asyncio.run(portal.get("/submissions", **given))
    assert 'href="/submissions?type=publication&amp;unit=vnu%2Fhus&amp;page=t2"' in page.text


def test_the_file_of_a_list_has_all_pages_of_the_list() -> None:
    tokens = []

    def listed(request: Any) -> submission_service_pb2.ListSubmissionsResponse:
        tokens.append(request.page_token)
        assert (request.type, request.page_size) == ("publication", 500)
        found = submission_pb2.Submission(
            submission_id=f"s{len(tokens)}", state=submission_pb2.STATE_SUBMITTED
        )
        following = {"": "t1", "t1": "t2"}.get(request.page_token, "")
        return submission_service_pb2.ListSubmissionsResponse(
            submissions=[found], next_page_token=following
        )

    portal = Portal(Answers(ListSubmissions=listed), "approver")
    given = {"type": "publication", "page": "t1", "file": "csv"}
    lines = asyncio.run(portal.get("/submissions", **given)).text.splitlines()
    assert tokens == ["", "t1", "t2"]
    assert [line.partition(",")[0] for line in lines[1:]] == ["s1", "s2", "s3"]
