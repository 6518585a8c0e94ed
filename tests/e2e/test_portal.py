"""The portal without a browser: pages, forms, files, and HTTP/JSON beside gRPC."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from openapi_schema_validator import OAS31Validator
from python_calamine import CalamineWorkbook
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from tests.e2e.browsing import PERIOD, Visitor, address
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

UNIT = "vnu/hus/physics"
KPI = "/api/kieng.kpi.v1.KpiService"
CELL = {"unit": "vnu", "indicator": "KNW-03", **PERIOD}
SELECTION = {"unitIds": ["vnu"], "fromMonth": "2025-01", "toMonth": "2025-07"}
MARKUP = "<script>alert(1)</script><b>\"'&"
PAGES = ("/", "/units/vnu", "/health", "/review", "/sign-in")


@pytest.fixture
def leader(stack: RunningStack) -> Visitor:
    found = Visitor(stack)
    assert found.sign_in("viewer", "consortium").status_code == 303
    return found


def bearer(stack: RunningStack, *roles: str) -> dict[str, str]:
    return {"authorization": f"Bearer {stack.token('vnu', *roles)}"}


def call(stack: RunningStack, path: str, content: Any, **headers: str) -> httpx.Response:
    return httpx.post(f"{address(stack)}{path}", json=content, headers=headers, timeout=30)


def test_a_guest_sees_where_he_is_in_both_languages(stack: RunningStack) -> None:
    guest = Visitor(stack)
    assert '<html lang="vi">' in guest.get("/").text
    assert '<html lang="en">' in guest.get("/", lang="en").text
    for path in ("/units/vnu", "/cells", "/works", "/review", "/live", "/tables/board.csv"):
        answer = guest.get(path, **CELL)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in?next=%2F")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["vi", "en"])
def test_every_page_is_valid_html(leader: Visitor, path: str, lang: str) -> None:
    answer = leader.get(path, lang=lang, **PERIOD)
    assert answer.status_code == 200
    assert f'<html lang="{lang}">' in answer.text


def test_the_board_has_the_numbers_of_grpc_and_so_have_its_files(
    stack: RunningStack, leader: Visitor
) -> None:
    told = stack.kpis(["consortium", "vnu"], "2025-01", "2025-07", "TRI-02")
    wanted = {(cell["unit"], str(cell["verified"])) for cell in told["cells"]}
    page = leader.get("/", **PERIOD).text
    assert 'data-cell="vnu|TRI-02"' in page
    text = leader.get("/tables/board.csv", lang="en", **PERIOD).text
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    shown = {(r["unit"], r["verified"]) for r in rows if r["indicator"] == "TRI-02"}
    assert wanted <= shown
    assert {row["digest"] for row in rows} == {told["view"]["digest"]}
    book = leader.get("/tables/board.xlsx", lang="en", **PERIOD).content
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    assert len(sheet) == len(rows) + 1
    assert sheet[0] == list(rows[0])
    assert leader.get("/tables/board.exe", **PERIOD).status_code == 404


def test_a_number_leads_to_its_works_which_add_up(leader: Visitor) -> None:
    answer = leader.get("/cells", **CELL)
    assert answer.status_code == 200
    assert "cộng lại đúng bằng" in answer.text
    absent = leader.get("/cells", work="doi:10.5555/none", **CELL).text
    assert "KHÔNG được tính" in absent
    assert leader.get("/works", work="doi:10.5555/none", **CELL).status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/units/neu", PERIOD, 404),
        ("/nowhere", {}, 404),
        ("/cells", {}, 400),
        ("/cells", {**CELL, "indicator": "XXX-99"}, 400),
        ("/cells", {**CELL, "measure": "guessed"}, 400),
        ("/works", CELL, 400),
        ("/", {"from": "2025-99"}, 400),
        ("/", {"as_of": "yesterday"}, 400),
        ("/live", {"unit": "vnu", "from": "x"}, 400),
    ],
)
def test_what_cannot_be_shown_is_explained(
    leader: Visitor, path: str, query: dict[str, str], status: int
) -> None:
    answer = leader.get(path, **query)
    assert answer.status_code == status
    assert '<html lang="vi">' in answer.text


def test_a_form_of_another_site_changes_nothing(stack: RunningStack) -> None:
    approver = Visitor(stack)
    approver.sign_in("approver", "vnu")
    for form in ({}, {"csrf": ""}, {"csrf": Visitor(stack).csrf()}):
        answer = approver.client.post("/review", data={"decision": "verify", **form})
        assert answer.status_code == 403
    assert approver.client.post("/sign-out", data={}).status_code == 403


@pytest.mark.parametrize("there", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_signing_in_leads_to_no_other_site(stack: RunningStack, there: str) -> None:
    answer = Visitor(stack).post("/sign-in", role="viewer", unit="vnu", next=there)
    assert answer.headers["location"] == "/"


def test_a_token_of_an_institution_signs_in_and_another_does_not(stack: RunningStack) -> None:
    visitor = Visitor(stack)
    assert visitor.post("/sign-in", token="x.y.z").status_code == 401
    assert visitor.post("/sign-in", token=stack.token("vnu", "viewer")).status_code == 303
    assert "viewer@vnu" in visitor.get("/health").text
    assert visitor.post("/sign-out").status_code == 303
    assert "viewer@vnu" not in visitor.get("/health").text


def test_a_reviewer_decides_and_what_people_wrote_is_never_markup(stack: RunningStack) -> None:
    author, approver = Caller(stack, "vnu", "contributor"), Visitor(stack)
    request = creation(UNIT, article("10.5555/e2e.portal", "2012-03-20"))
    request.content.facts.publication.title = MARKUP
    request.content.evidence[0].title = MARKUP
    made = author.create(request)
    approver.sign_in("approver", "vnu")
    queue = approver.get("/review", unit=UNIT)
    assert made.submission_id in queue.text
    assert "<script>alert" not in queue.text
    assert "&lt;script&gt;alert" in queue.text
    form = {"submission_id": made.submission_id, "version": str(made.version), "reason": ""}
    request_id = {"request_id": "6f1c2a5e-6a53-4a3a-9d53-0d5b8d1f0a11"}
    refused = approver.post("/review", decision="reject", **form, **request_id)
    assert refused.status_code == 400
    assert "reason" in refused.text
    for _ in range(2):  # sent twice, decided once
        done = approver.post("/review", decision="verify", **form, **request_id)
        assert done.headers["location"] == f"/review?done={made.submission_id}"
    year = {**CELL, "from": "2012-01", "to": "2012-12"}
    key = "doi:10.5555/e2e.portal"
    wait_until(lambda: key in approver.get("/cells", **year).text, 60, "counted")
    shown = approver.get("/works", work=key, **year).text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown


def test_json_answers_what_grpc_answers(stack: RunningStack) -> None:
    credential = bearer(stack, "viewer")
    answer = call(stack, f"{KPI}/GetKpis", {"selection": SELECTION}, **credential)
    assert answer.status_code == 200
    selection = view_pb2.Selection(unit_ids=["vnu"], from_month="2025-01", to_month="2025-07")
    with stack.channel("kpi") as channel:
        metadata = (("authorization", credential["authorization"]),)
        told = KpiServiceStub(channel).GetKpis(
            kpi_service_pb2.GetKpisRequest(selection=selection), timeout=20, metadata=metadata
        )
    assert answer.json() == MessageToDict(told)


def test_json_refuses_as_grpc_does(stack: RunningStack) -> None:
    asked = {"selection": SELECTION}
    assert call(stack, f"{KPI}/GetKpis", asked).status_code == 401
    assert call(stack, f"{KPI}/GetKpis", asked, authorization="Bearer x").status_code == 401
    wrong = {"selection": {**SELECTION, "unitIds": ["nowhere"]}}
    answer = call(stack, f"{KPI}/GetKpis", wrong, **bearer(stack, "viewer"))
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_argument"
    assert {each["type"] for each in answer.json()["details"]} >= {"google.rpc.ErrorInfo"}
    publish = "/api/kieng.kpi.v1.CatalogueService/RollBackCatalogue"
    assert call(stack, publish, {}, **bearer(stack, "viewer")).status_code == 403
    bodies: tuple[Any, ...] = ([], "x", {"selection": 5})
    for body in bodies:
        found = call(stack, f"{KPI}/GetKpis", body, **bearer(stack, "viewer"))
        assert found.status_code == 400, body
    assert call(stack, f"{KPI}/Nothing", {}).status_code == 404
    grpc = {"content-type": "application/grpc"}
    assert httpx.post(f"{address(stack)}{KPI}/GetKpis", headers=grpc).status_code == 415


def test_the_openapi_document_is_valid_and_live_answers_keep_it(stack: RunningStack) -> None:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    document = httpx.get(f"{address(stack)}/api/openapi.json").json()
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    assert all(each["post"]["description"] for each in document["paths"].values())
    resource = DRAFT202012.create_resource(document)
    registry: Any = Registry().with_resource("urn:document", resource)
    asked = {
        f"{KPI}/GetKpis": {"selection": SELECTION},
        f"{KPI}/ExplainKpi": {
            "unitId": "vnu",
            "indicatorCode": "KNW-03",
            "fromMonth": "2025-01",
            "toMonth": "2025-07",
        },
        "/api/kieng.kpi.v1.CatalogueService/GetCatalogue": {},
        "/api/kieng.directory.v1.DirectoryService/GetDirectory": {},
        "/api/kieng.submissions.v1.SubmissionService/ListSubmissions": {"pageSize": 200},
    }
    for path, request in asked.items():
        answer = call(stack, path, request, **bearer(stack, "auditor"))
        operation = document["paths"][path.removeprefix("/api")]["post"]
        content = operation["responses"]["200"]["content"]["application/json"]
        schema = {"$ref": f"urn:document{content['schema']['$ref']}"}
        validator = OAS31Validator(schema, registry=registry)
        errors = [error.message for error in validator.iter_errors(answer.json())]
        assert errors == [], path


def test_live_numbers_are_events_of_the_cells(leader: Visitor) -> None:
    with leader.client.stream("GET", "/live", params={"unit": "vnu", **PERIOD}) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        first = json.loads(next(lines).removeprefix("data: "))
    assert "vnu|TRI-02" in first["cells"]
    assert first["level"] in ("good", "amber", "red")
