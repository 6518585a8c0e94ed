"""Partners and products, from the works behind the numbers."""

from __future__ import annotations

import asyncio
import csv
import io
import re

import html5lib
import httpx
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, view_pb2
from kieng.kpi.v1 import kpi_service_pb2 as kpi
from kieng.partners.v1 import partner_pb2
from kieng.partners.v1 import partner_service_pb2 as registry
from services.portal.calls import Refused
from services.portal.catalogues import Catalogue
from services.portal.pages.partners import indicators
from tests.unit.portal.answered import CATALOGUE, PERIOD, Answers, Portal

VIEW = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="d" * 64)
ONE = view_pb2.Value(whole=1)
MARKUP = "<script>alert(1)</script>"


def claim(unit_id: str, verified: bool = True) -> kpi.ExplainedClaim:
    return kpi.ExplainedClaim(unit_id=unit_id, submission_id="s", verified=verified)


WORKS = {
    "ENT-06": [
        kpi.ExplainedWork(
            work_key="agreement:1",
            contribution=ONE,
            partner_id="p1",
            claims=[claim("a/x/g"), claim("b/x"), claim("c", False)],
        )
    ],
    "COM-06": [
        kpi.ExplainedWork(
            work_key="product:1",
            title=MARKUP,
            contribution=ONE,
            trl=7,
            stage="ready",
            claims=[claim("a/x")],
        )
    ],
}


def explained(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
    works = WORKS.get(request.indicator_code, [])
    value = view_pb2.Value(whole=len(works))
    return kpi.ExplainKpiResponse(view=VIEW, value=value, works=works)


def listed(request: registry.SearchPartnersRequest) -> registry.SearchPartnersResponse:
    partner = partner_pb2.Partner(partner_id="p1", name=f"Công ty {MARKUP}")
    return registry.SearchPartnersResponse(partners=[partner])


def asked(unit: str = "consortium", **query: str) -> httpx.Response:
    portal = Portal(Answers(ExplainKpi=explained, SearchPartners=listed))
    answer = asyncio.run(portal.get("/partners", unit=unit, **PERIOD, **query))
    if answer.headers["content-type"].startswith("text/html"):
        html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def test_indicators_are_found_by_what_they_count() -> None:
    found = {
        kind: {i.code for i in each} for kind, each in indicators(Catalogue(CATALOGUE)).items()
    }
    assert {"ENT-05", "ENT-06", "ENT-07"} <= found["partners"]
    assert {"COM-06", "COM-08"} <= found["products"]
    assert "KNW-03" not in found["partners"] | found["products"]


def test_a_partner_is_tied_to_parts_that_have_ended_and_to_the_unit_itself() -> None:
    known = catalogue_pb2.Catalogue()
    known.CopyFrom(CATALOGUE)
    known.units.add(unit_id="a/old", parent_id="a", valid_to="2020-12-31")
    work = kpi.ExplainedWork(
        work_key="agreement:1",
        contribution=ONE,
        partner_id="p1",
        claims=[claim("a/old"), claim("a")],
    )

    def explain(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
        return kpi.ExplainKpiResponse(view=VIEW, value=ONE, works=[work])

    found = catalogue_service_pb2.GetCatalogueResponse(catalogue=known)
    answers = Answers(ExplainKpi=explain, SearchPartners=listed, GetCatalogue=lambda request: found)
    answer = asyncio.run(Portal(answers).get("/partners", unit="a", file="csv", **PERIOD))
    heads, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (heads[2:4], row[2:4]) == (["a/old", "a"], ["1", "1"])


def test_a_partner_is_tied_to_each_part_whose_claim_is_verified() -> None:
    page = asked().text
    assert page.count('class="tie"') == 2
    assert "Công ty &lt;script&gt;" in page
    assert MARKUP not in page
    row = re.search(r"<tr><th scope=\"row\">Công ty.*?</tr>", page, re.DOTALL)
    assert row is not None
    assert re.findall(r'class="number">([^<]*)<', row[0]) == ["1", "1", "1"]


def test_below_a_unit_its_own_parts_are_tied() -> None:
    assert asked("a").text.count('class="tie"') == 1


def test_products_are_listed_by_readiness_with_their_stage() -> None:
    page = asked(lang="en").text
    assert '<th scope="row">7</th><td class="number">1</td>' in page
    assert "<td>ready to transfer</td>" in page


def test_files_have_both_tables() -> None:
    def lines(table: str) -> list[list[str]]:
        content = asked(file="csv", table=table, lang="en").content.decode("utf-8-sig")
        return list(csv.reader(io.StringIO(content)))[1:]

    view = lines("levels")[0][2:]
    assert lines("products") == [["7", "ready to transfer", MARKUP, "a", "product:1", *view]]
    tie = [f"Công ty {MARKUP}", "p1", "1", "1", "1", "agreement:1 (ENT-06)"]
    assert lines("partners") == [[*tie, *view]]
    assert [row[:2] for row in lines("levels")][:3] == [["9", "0"], ["8", "0"], ["7", "1"]]
    assert asked(file="xlsx", table="products").content.startswith(b"PK")


def test_nothing_that_counts_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.portal.pages.test_partners.WORKS", {})
    assert asked().text.count('class="empty"') == 2


def test_what_is_refused_or_down_is_explained() -> None:
    assert asked("nobody").status_code == 404
    for code, status in (("PERMISSION_DENIED", 403), ("UNAVAILABLE", 503)):

        def refuse(request: object, code: str = code) -> None:
            raise Refused(code, "no")

        portal = Portal(Answers(ExplainKpi=refuse, SearchPartners=listed))
        assert asyncio.run(portal.get("/partners", **PERIOD)).status_code == status
