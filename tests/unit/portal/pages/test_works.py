"""A number's works, one of them, and why a work counts or not: as the pages say it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from tests.unit.portal.answered import CATALOGUE, PERIOD, Answers, Portal

CELL = {"unit": "vnu", "indicator": "KNW-03", **PERIOD}
Explained = kpi_service_pb2.ExplainKpiResponse
Absence = kpi_service_pb2.ExplainAbsenceResponse


def answers(**more: Any) -> Answers:
    """Services that know one work, `doi:10.5555/tay-1`, which does not count yet."""
    given: dict[str, Any] = {
        "ExplainKpi": lambda _: Explained(value=view_pb2.Value(whole=0)),
        "ExplainAbsence": absence,
        "GetWorkKey": lambda _: submission_service_pb2.GetWorkKeyResponse(
            work_key="doi:10.5555/tay-1"
        ),
        "GetSubmission": history,
    }
    return Answers(**(given | more))


def absence(request: kpi_service_pb2.ExplainAbsenceRequest) -> Absence:
    reason = (
        kpi_service_pb2.Finding.REASON_NOT_VERIFIED
        if request.work_key == "doi:10.5555/tay-1"
        else kpi_service_pb2.Finding.REASON_UNKNOWN
    )
    return Absence(findings=[kpi_service_pb2.Finding(reason=reason)])


def history(request: submission_service_pb2.GetSubmissionRequest) -> Any:
    assert request.with_history
    found = submission_pb2.Submission(submission_id=request.submission_id)
    found.history.add(
        action=submission_pb2.ACTION_RETURN, subject="reviewer@vnu", reason="Thiếu trang bìa"
    )
    return submission_service_pb2.GetSubmissionResponse(submission=found)


def get(found: Answers, path: str, **query: str) -> httpx.Response:
    return asyncio.run(Portal(found).get(path, **(CELL | query)))


@pytest.mark.parametrize("path", ["/cells", "/works"])
@pytest.mark.parametrize("given", ["https://doi.org/10.5555/Tay-1", " 10.5555/tay-1 "])
def test_a_work_may_be_named_as_people_write_it(path: str, given: str) -> None:
    page = get(answers(), path, work=given)
    assert page.status_code == 200
    assert "chưa xác minh" in page.text
    assert "chưa biết" not in page.text


@pytest.mark.parametrize(("state", "is_earlier"), [("RETURNED", False), ("SUBMITTED", True)])
def test_a_reason_is_that_of_an_earlier_version_until_the_present_one_is_decided(
    state: str, is_earlier: bool
) -> None:
    own = submission_pb2.Submission(submission_id="s1", reason="Thiếu minh chứng", version=2)
    own.state = submission_pb2.State.Value(f"STATE_{state}")
    listed = submission_service_pb2.ListSubmissionsResponse(submissions=[own])
    found = answers(ListSubmissions=lambda _: listed)
    query = CELL | {"work": "doi:10.5555/tay-1"}
    page = asyncio.run(Portal(found, "contributor").get("/works", **query))
    assert ("Lý do của lần trả lại trước" in page.text) is is_earlier
    assert "Thiếu minh chứng" in page.text
    assert "Thiếu trang bìa" in page.text
    assert "reviewer@vnu" in page.text


@pytest.mark.parametrize(("code", "status"), [("NOT_FOUND", 200), ("UNAVAILABLE", 503)])
def test_a_history_that_may_not_be_read_is_left_out(code: str, status: int) -> None:
    def refuse(request: Any) -> Any:
        raise Refused(code, "so it is")

    own = submission_pb2.Submission(submission_id="s1")
    listed = submission_service_pb2.ListSubmissionsResponse(submissions=[own])
    found = answers(ListSubmissions=lambda _: listed, GetSubmission=refuse)
    query = CELL | {"work": "doi:10.5555/tay-1"}
    page = asyncio.run(Portal(found, "contributor").get("/works", **query))
    assert page.status_code == status


def test_a_page_of_works_has_titles_and_says_what_it_adds_and_where_the_others_are() -> None:
    work = kpi_service_pb2.ExplainedWork(work_key="doi:10.5555/tay-1", title="Lúa chịu mặn")
    work.contribution.whole = 1

    def explained(request: kpi_service_pb2.ExplainKpiRequest) -> Explained:
        works = [work] * request.page_size
        return Explained(value=view_pb2.Value(whole=905), works=works, next_page_token="b")

    text = get(answers(ExplainKpi=explained), "/cells").text
    assert "Trang này có 500 công trình, đóng góp 500 trong 905" in text
    assert text.count("Các công trình tiếp theo") == 2
    assert text.index("Các công trình tiếp theo") < text.index("Lúa chịu mặn")
    assert "Về trang đầu" not in text
    assert "Về trang đầu" in get(answers(ExplainKpi=explained), "/cells", page="a").text


def test_a_work_that_counts_has_its_title_the_reason_and_the_names_of_its_proofs() -> None:
    def counts(request: kpi_service_pb2.ExplainAbsenceRequest) -> Absence:
        counted = kpi_service_pb2.Finding(reason=kpi_service_pb2.Finding.REASON_COUNTS)
        claim = kpi_service_pb2.ExplainedClaim(unit_id="vnu/hus", evidence_sha256=["ab" * 32])
        return Absence(
            counts=True,
            findings=[counted],
            claims=[claim],
            title="Lúa chịu mặn",
            date_field="issued_on",
            counts_from="2025-03-31",
        )

    own = submission_pb2.Submission(submission_id="s1")
    own.content.evidence.add(sha256="ab" * 32, title="Bài báo, bản in")
    listed = submission_service_pb2.ListSubmissionsResponse(submissions=[own])
    found = answers(ExplainAbsence=counts, ListSubmissions=lambda _: listed)
    query = CELL | {"work": "doi:10.5555/tay-1", "indicator": CATALOGUE.indicators[0].code}
    text = asyncio.run(Portal(found, "contributor").get("/works", **query)).text
    assert '<h1 class="key">Lúa chịu mặn</h1>' in text
    assert "được tính từ ngày 2025-03-31 (ngày công bố), trong kỳ 2025-01" in text
    assert "Đơn vị kê khai: vnu/hus." in text
    claims = text[text.index("Các kê khai được tính") :]
    assert "Bài báo, bản in" in claims[: claims.index("</table>")]


def test_the_claims_on_a_work_are_a_file() -> None:
    def claimed(request: kpi_service_pb2.ExplainAbsenceRequest) -> Absence:
        found = absence(request)
        found.claims.add(unit_id="a/x", submission_id="s1", evidence_sha256=["0" * 64])
        found.view.digest = "d" * 64
        return found

    given = {"work": "doi:10.5555/tay-1", "file": "csv"}
    text = get(answers(ExplainAbsence=claimed), "/works", **given).text
    assert text.splitlines()[1].startswith("doi:10.5555/tay-1,,a/x,s1,")
    assert text.splitlines()[1].endswith(f"{'0' * 64},,{'d' * 64}")


def finding(reason: str, **more: str) -> kpi_service_pb2.Finding:
    return kpi_service_pb2.Finding(reason=f"REASON_{reason}", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "cells"),
    [
        (finding("CONDITION", field="indexes", wanted="present true"), ("phải ghi", "chưa ghi")),
        (finding("CONDITION", field="ended_on", wanted="present false", found="x"), ("để trống",)),
        (
            finding("CONDITION", field="quartile", wanted="any_of q1, q2", found="q3"),
            ("một trong: Q1, Q2", "Q3"),
        ),
        (
            finding("CONDITION", field="granted_on", wanted="within 30 days after issued_on"),
            ("chậm nhất 30 ngày sau Ngày công bố",),
        ),
        (
            finding("OUTSIDE_RANGE", field="issued_on", wanted="2025-01 to 2025-07"),
            ("2025-01 \N{EN DASH} 2025-07",),
        ),
        (
            finding("WRONG_TYPE", field="type", wanted="publication", found="ip_right"),
            ("công bố khoa học", "quyền sở hữu trí tuệ"),
        ),
        (
            finding("FACT_MISSING", field="amount_vnd", wanted="money_received"),
            ("phải ghi", "chưa ghi"),
        ),
        (
            finding("OUTVOTED", field="share_ppm", wanted="at_least 500000", found="125000"),
            ("từ 50% trở lên", "12,5%"),
        ),
    ],
)
def test_why_a_work_does_not_count_is_said_in_words(
    found: kpi_service_pb2.Finding, cells: tuple[str, ...]
) -> None:
    page = get(answers(ExplainAbsence=lambda _: Absence(findings=[found])), "/works", work="x")
    for each in cells:
        assert f"<td>{each}</td>" in page.text
    for raw in ("present ", "any_of", "within 30", " to 2025", "at_least", "500000"):
        assert raw not in page.text


def test_what_waits_for_verification_says_what_else_it_lacks() -> None:
    def explained(request: kpi_service_pb2.ExplainAbsenceRequest) -> Absence:
        if request.measure == kpi_service_pb2.MEASURE_VERIFIED:
            return Absence(findings=[finding("NOT_VERIFIED")])
        lacks = finding("CONDITION", field="indexes", wanted="present true")
        return Absence(findings=[lacks])

    text = get(answers(ExplainAbsence=explained), "/works", work="x").text
    assert "chưa xác minh" in text
    assert "không thỏa điều kiện" in text


@pytest.mark.parametrize(
    ("role", "said"),
    [("viewer", "Vai trò của bạn không xem được hồ sơ"), ("auditor", "không có hồ sơ nào")],
)
def test_no_submissions_are_not_the_same_as_no_right_to_read_them(role: str, said: str) -> None:
    listed = submission_service_pb2.ListSubmissionsResponse()
    portal = Portal(answers(ListSubmissions=lambda _: listed), role)
    page = asyncio.run(portal.get("/works", **CELL, work="x"))
    assert said in page.text


def test_claims_that_disagree_about_a_share_say_so_in_per_cent() -> None:
    work = kpi_service_pb2.ExplainedWork(work_key="doi:10.5555/tay-1")
    work.contribution.whole = 1
    work.disagreements.add(unit_id="vnu", field="share_ppm", said="500000", counts="1000000")
    page = get(answers(ExplainKpi=lambda _: Explained(works=[work])), "/cells")
    assert "Tỷ lệ đóng góp là 50%; số được tính là 100%" in page.text
