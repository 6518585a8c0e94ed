"""A unit as a whole: its children as the service ranks them, and the report with all houses."""

from __future__ import annotations

import asyncio
import csv
import io
from dataclasses import replace
from typing import Any

import html5lib
import httpx
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, view_pb2
from kieng.kpi.v1 import kpi_service_pb2 as kpi
from tests.unit.portal.answered import CATALOGUE, PERIOD, Answers, Portal, cells

DAY = "2025-07-31"
WITH_CHILDREN = catalogue_pb2.Catalogue()
WITH_CHILDREN.CopyFrom(CATALOGUE)
for number in range(3):
    child = WITH_CHILDREN.units.add(unit_id=f"a/n{number}", parent_id="a")
    child.name.vi = child.name.en = f"Child {number}"


WITH_ENDED = catalogue_pb2.Catalogue()
WITH_ENDED.CopyFrom(WITH_CHILDREN)
for number in range(2):
    child = WITH_ENDED.units.add(unit_id=f"a/e{number}", parent_id="a", valid_to="2022-12-31")
    child.name.vi = child.name.en = f"Ended {number}"


def ratio(numerator: int, denominator: int) -> view_pb2.Ratio:
    return view_pb2.Ratio(numerator=numerator, denominator=denominator)


def summary(request: kpi.GetReportRequest) -> kpi.GetReportResponse:
    """Children in an order that no value of theirs explains: only the service can have given it."""
    pace = view_pb2.Pace(standing=view_pb2.Pace.STANDING_BEHIND, on_date=DAY, value=5)
    target = view_pb2.Cell(
        unit_id="a",
        indicator_code="KNW-03",
        verified=view_pb2.Value(whole=5),
        target=10,
        pace=pace,
    )
    mover = kpi.Mover(
        indicator_code="KNW-01", before=view_pb2.Value(whole=3), now=view_pb2.Value(whole=8)
    )
    return kpi.GetReportResponse(
        view=view_pb2.ViewInfo(view_id="g1-c1-f1", digest="0" * 64),
        unit_id=request.unit_id,
        targets=[target],
        children=[
            kpi.RankedChild(unit_id="a/n2", behind=3, attainment=ratio(1, 4), share=ratio(1, 2)),
            kpi.RankedChild(unit_id="a/n0", reached=2, attainment=ratio(3, 4)),
            kpi.RankedChild(unit_id="a/n1"),
        ],
        movers=[mover],
    )


def catalogue(request: Any) -> catalogue_service_pb2.GetCatalogueResponse:
    return catalogue_service_pb2.GetCatalogueResponse(catalogue=WITH_CHILDREN)


def asked(path: str, portal: Portal | None = None, **query: str) -> httpx.Response:
    own = portal or Portal(Answers(GetCatalogue=catalogue, GetReport=summary))
    answer = asyncio.run(own.get(path, **{**PERIOD, **query}))
    if answer.headers["content-type"].startswith("text/html"):
        html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def rows(answer: httpx.Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_children_stand_in_the_order_of_the_service() -> None:
    answers = Answers(GetCatalogue=catalogue, GetReport=summary)
    answers.view.digest = "f" * 64
    text = asked("/units/a", Portal(answers)).text
    places = [text.index(f">Child {number}<") for number in (2, 0, 1)]
    assert places == sorted(places)
    file = rows(asked("/units/a", Portal(answers), file="csv"))
    assert [line[0] for line in file[1:]] == ["a/n2", "a/n0", "a/n1"]
    assert file[1][2:7] == ["0.25", "0", "0", "3", "0.5"]
    assert file[3][2] == ""
    assert {line[-1] for line in file[1:]} == {"0" * 64}


def test_without_targets_the_children_have_their_values_in_the_same_order() -> None:
    def without(request: kpi.GetReportRequest) -> kpi.GetReportResponse:
        children = [kpi.RankedChild(unit_id=f"a/n{number}") for number in (1, 2, 0)]
        return kpi.GetReportResponse(children=children)

    portal = Portal(Answers(GetCatalogue=catalogue, GetReport=without))
    file = rows(asked("/units/a", portal, file="csv", house="university"))
    assert [line[0] for line in file[1:]] == ["a/n1", "a/n2", "a/n0"]
    assert file[1][2] == "5"


def test_longer_than_a_year_nothing_is_ranked() -> None:
    answers = Answers(GetCatalogue=catalogue, GetReport=summary)
    text = asked("/units/a", Portal(answers), **{"from": "2024-01"}).text
    assert not any(isinstance(each, kpi.GetReportRequest) for each in answers.asked)
    places = [text.index(f">Child {number}<") for number in (0, 1, 2)]
    assert places == sorted(places)


@pytest.mark.parametrize(("own", "heading"), [("a", "a"), ("nowhere", "consortium")])
def test_the_report_opens_on_the_unit_of_its_reader(own: str, heading: str) -> None:
    portal = Portal(Answers(GetCatalogue=catalogue, GetReport=summary))
    portal.session = replace(portal.session, unit_id=own)
    assert f"<h1>{heading}</h1>" in asked("/report", portal).text


def test_the_report_has_every_indicator_once_and_what_the_service_says() -> None:
    text = asked("/report", unit="a", lang="en").text
    table = text.partition('<article class="report">')[2]
    for each in CATALOGUE.indicators:
        heading = f'<th scope="row"><span class="code">{each.code}</span>'
        assert table.count(heading) == 1, each.code
    assert "0 reached, 0 on pace, 1 behind" in text
    first = text.partition("Look at these first: ")[2].partition("</p>")[0]
    assert first.startswith('<a href="/indicators/KNW-03?')
    assert "Changed most" in text
    assert 'class="code-back"' in text
    assert "house=" not in text.partition('class="facts"')[2]


def test_the_report_asks_once_for_its_numbers_and_once_for_the_summary() -> None:
    answers = Answers(GetCatalogue=catalogue, GetReport=summary)
    asked("/report", Portal(answers), unit="a")
    names = [type(each).__name__ for each in answers.asked]
    assert sorted(names) == ["GetCatalogueRequest", "GetKpisRequest", "GetReportRequest"]


def test_if_the_numbers_moved_between_two_answers_both_states_are_named() -> None:
    answers = Answers(GetCatalogue=catalogue, GetReport=summary)
    answers.view.digest = "f" * 64
    text = asked("/report", Portal(answers), unit="a").text
    assert "f" * 64 in text
    assert "0" * 64 in text


def of_ended(ranks: list[kpi.RankedChild]) -> Portal:
    """Of the units below a that have ended, e1 counts something in the period and e0 nothing."""

    def report(request: kpi.GetReportRequest) -> kpi.GetReportResponse:
        return kpi.GetReportResponse(unit_id=request.unit_id, children=ranks)

    def read(request: kpi.GetKpisRequest) -> kpi.GetKpisResponse:
        found = cells(request.selection)
        for each in found:
            if each.unit_id == "a/e0":
                each.verified.whole = each.declared.whole = 0
        return kpi.GetKpisResponse(cells=found)

    known = catalogue_service_pb2.GetCatalogueResponse(catalogue=WITH_ENDED)
    return Portal(Answers(GetCatalogue=lambda _: known, GetReport=report, GetKpis=read))


@pytest.mark.parametrize("path", ["/units/a", "/indicators/KNW-03"])
@pytest.mark.parametrize("months", [{}, {"from": "2023-01", "to": "2025-06"}])
def test_a_unit_that_has_ended_is_told_where_it_counts(path: str, months: dict[str, str]) -> None:
    children = [kpi.RankedChild(unit_id=f"a/{each}") for each in ("e0", "n2", "e1", "n0")]
    query = {"unit": "a", **months}
    text = asked(path, of_ended(children), **query).text
    assert "Ended 1" in text
    assert "Child 0" in text
    assert "Ended 0" not in text
    file = rows(asked(path, of_ended(children), file="csv", table="units", **query))
    assert {"a/e1", "a/n0"} < {line[0] for line in file}
    assert "a/e0" not in {line[0] for line in file}


def test_units_without_targets_are_those_that_exist_or_had_a_part() -> None:
    children = [
        kpi.RankedChild(unit_id="a/n2", attainment=ratio(1, 4)),
        *(kpi.RankedChild(unit_id=f"a/{each}", share=ratio(0, 1)) for each in ("e0", "n0")),
        kpi.RankedChild(unit_id="a/e1", share=ratio(1, 2)),
    ]
    for path in ("/units/a", "/report"):
        text = asked(path, of_ended(children), unit="a").text
        assert "Ended 0" not in text
        assert "Ended 1" in text
        assert "Child 0" in text
