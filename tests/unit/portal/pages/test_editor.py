"""The editor: all that is wrong at once and in its place, and what another tab has changed."""

from __future__ import annotations

import asyncio
from typing import Any

import html5lib
import httpx
import pytest
from google.rpc import error_details_pb2, status_pb2

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2
from kieng.submissions.v1 import import_service_pb2, submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from services.portal.forms import facts_of
from tests.unit.portal.answered import CATALOGUE, Answers, Portal

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
    if answer.text:
        html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def refusing(code: str, message: str, **fields: str) -> Any:
    def refuse(_: Any) -> Any:
        raise Refused(code, message, "", {k.replace("__", "."): v for k, v in fields.items()})

    return refuse


def test_all_wrong_answers_are_told_at_once_and_lead_to_their_fields() -> None:
    answers = Answers(TryImport=also_wrong())
    page = sent(answers, "/submissions/new", share="một nửa", quartile_year="năm nay")
    assert page.status_code == 400
    assert "2 chỗ cần sửa" in page.text
    for name in ("share_ppm", "quartile_year"):
        assert f'href="#wrong-{name}"' in page.text
        assert f'id="wrong-{name}"' in page.text


def also_wrong(*paths: str) -> Any:
    """What the service answers when it tries a content: all of these fields are wrong."""
    status = status_pb2.Status(code=3, message="x")
    bad = error_details_pb2.BadRequest()
    for path in paths:
        bad.field_violations.add(field=path, description="is missing")
    status.details.add().Pack(bad)
    answer = import_service_pb2.ImportSubmissionsResponse(row=1, error=status)
    return lambda _: [import_service_pb2.TryImportResponse(answer=answer)]


DATE = "content.facts.publication.issued_on"


def test_what_the_page_and_the_service_find_wrong_is_told_in_one_round() -> None:
    answers = Answers(TryImport=also_wrong("content.share_ppm", DATE, "content.evidence"))
    given = {"share": "một nửa", "quartile_year": "năm nay", "quartile": "q9"}
    page = sent(answers, "/submissions/new", **given)
    names = ("share_ppm", "quartile_year", "quartile", "issued_on", "evidence")
    assert f"{len(names)} chỗ cần sửa" in page.text
    for name in names:
        assert f'id="wrong-{name}"' in page.text


def test_a_draft_is_not_asked_for_evidence() -> None:
    answers = Answers(TryImport=also_wrong(DATE, "content.evidence"))
    page = sent(answers, "/submissions/new", action="save", share="một nửa")
    assert 'id="wrong-issued_on"' in page.text
    assert 'id="wrong-evidence"' not in page.text


def test_a_unit_that_is_not_the_authors_is_told_in_the_form() -> None:
    foreign = refusing("PERMISSION_DENIED", "x", content__unit_id="does not reach it")
    given = {"CreateSubmission": foreign, "TryImport": also_wrong(DATE)}
    page = sent(Answers(**given), "/submissions/new")
    assert page.status_code == 400
    assert 'id="wrong-unit_id"' in page.text
    assert 'id="wrong-issued_on"' in page.text
    assert 'value="Lúa chịu mặn"' in page.text


def test_a_unit_may_be_written_by_its_name() -> None:
    catalogue = catalogue_pb2.Catalogue()
    for unit_id in ("vnu/hus", "vnu/physics", "vnu/optics"):
        name = "Khoa học" if unit_id == "vnu/hus" else "Khoa Vật lý"
        catalogue.units.add(unit_id=unit_id).name.vi = name
    read_it = catalogue_service_pb2.GetCatalogueResponse(catalogue=catalogue)
    kept = submission_service_pb2.CreateSubmissionResponse(submission=article())
    answers = Answers(
        GetCatalogue=lambda _: read_it, CreateSubmission=lambda _: kept, TryImport=also_wrong()
    )
    assert sent(answers, "/submissions/new", unit_id="khoa học").status_code == 303
    asked = submission_service_pb2.CreateSubmissionRequest
    (create,) = [each for each in answers.asked if isinstance(each, asked)]
    assert create.content.unit_id == "vnu/hus"
    several = sent(answers, "/submissions/new", unit_id="Khoa Vật lý")
    assert "là tên của nhiều đơn vị. Viết mã đơn vị: vnu/physics, vnu/optics." in several.text


def test_a_problem_of_a_proof_stands_in_its_row_and_no_row_is_added() -> None:
    path = "content.evidence[1].sha256"
    wrong = refusing("INVALID_ARGUMENT", "x", **{path: "is missing"})
    given = {
        "evidence_title": ["Bìa", "", "Bài"],
        "evidence_uri": ["", "", ""],
        "evidence_sha256": ["0" * 64, "", ""],
    }
    for _ in range(2):
        page = sent(
            Answers(CreateSubmission=wrong, TryImport=also_wrong()), "/submissions/new", **given
        )
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
    page = sent(Answers(CreateSubmission=wrong, TryImport=also_wrong()), "/submissions/new")
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


def test_the_terms_of_the_catalogue_are_offered_and_other_texts_are_kept() -> None:
    def found(_: Any) -> submission_service_pb2.GetSubmissionResponse:
        made = article()
        made.content.facts.publication.fields.extend(["ai", "lĩnh vực lạ"])
        return submission_service_pb2.GetSubmissionResponse(submission=made)

    page = asyncio.run(Portal(Answers(GetSubmission=found), "contributor").get("/submissions/s1"))
    document = html5lib.parse(page.text, namespaceHTMLElements=False)
    offered = [each for each in document.iter("input") if each.get("name") == "fields"]
    codes = [term.code for each in CATALOGUE.taxonomies[:1] for term in each.terms]
    assert [each.get("value") for each in offered] == codes
    assert [each.get("value") for each in offered if "checked" in each.attrib] == ["ai"]
    others = [each.text for each in document.iter("textarea") if each.get("name") == "fields"]
    assert others == ["lĩnh vực lạ"]
    facts, _ = facts_of("publication", {"fields": ["ai", "lĩnh vực lạ"]})
    assert list(facts.publication.fields) == ["ai", "lĩnh vực lạ"]
