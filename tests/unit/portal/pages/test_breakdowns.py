"""An indicator by its classifications, and beside those that count the same works otherwise."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import html5lib
import pytest

from kieng.kpi.v1 import catalogue_pb2, catalogue_service_pb2, view_pb2
from kieng.kpi.v1 import kpi_service_pb2 as kpi
from services.portal.catalogues import Catalogue
from services.portal.pages.breakdowns import counted_otherwise
from tests.unit.portal.answered import CATALOGUE, PERIOD, Answers, Portal, cells


def split(request: kpi.GetKpisRequest) -> kpi.GetKpisResponse:
    found = cells(request.selection)
    if by := request.selection.by:
        term = view_pb2.TermValue(
            term="unclassified",
            declared=view_pb2.Value(whole=6),
            verified=view_pb2.Value(whole=4321),
        )
        again = view_pb2.Value(whole=2)
        found[0].split.CopyFrom(
            view_pb2.Split(by=by, terms=[term], verified_again=again, declared_again=again)
        )
    return kpi.GetKpisResponse(view=view_pb2.ViewInfo(digest="d" * 64), cells=found)


def asked(code: str, **query: str) -> Any:
    portal = Portal(Answers(GetKpis=split))
    return asyncio.run(portal.get(f"/indicators/{code}", unit="a", **PERIOD, **query))


def test_each_classification_has_its_table_and_its_file() -> None:
    text = asked("KNW-01").text
    html5lib.HTMLParser(strict=True).parse(text)
    assert text.count("4.321") == 2
    assert text.count("chưa phân loại") == 2
    assert "−2" in text  # noqa: RUF001  a minus, as wide as the plus
    file = asked("KNW-01", file="csv", table="field").content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(file)))
    assert lines[1] == ["chưa phân loại", "4321", "6", "", "d" * 64]


@pytest.mark.parametrize(
    ("code", "again", "shown"),
    [
        ("KNW-05", (1, 3), "1 trên 3"),
        ("KNW-05", (0, 2), "0 trên 2"),
        ("KNW-05", (0, 0), ""),
        ("KNW-04", (1, 2), "−0,50"),  # noqa: RUF001  a minus, as wide as the plus
        ("KNW-04", (0, 2), ""),
    ],
)
def test_what_is_counted_again_of_a_percentage_is_told_in_both_parts(
    code: str, again: tuple[int, int], shown: str
) -> None:
    known = catalogue_pb2.Catalogue()
    known.CopyFrom(CATALOGUE)
    next(each for each in known.indicators if each.code == code).cuts.append("field")
    twice = view_pb2.Ratio(numerator=again[0], denominator=again[1])

    def cut(request: kpi.GetKpisRequest) -> kpi.GetKpisResponse:
        answer = split(request)
        if request.selection.by:
            found = answer.cells[0].split
            found.verified_again.ratio.CopyFrom(twice)
            found.declared_again.ratio.CopyFrom(twice)
        return answer

    answers = Answers(
        GetKpis=cut,
        GetCatalogue=lambda _: catalogue_service_pb2.GetCatalogueResponse(catalogue=known),
    )
    page = asyncio.run(Portal(answers).get(f"/indicators/{code}", unit="a", **PERIOD))
    html5lib.HTMLParser(strict=True).parse(page.text)
    row = page.text.partition("tính lại")[2].partition("</tr>")[0]
    assert row.count(f">{shown}<") == 2 if shown else not row


def test_whole_and_fractional_stand_side_by_side() -> None:
    catalogue = Catalogue(CATALOGUE)
    assert [each.code for each in counted_otherwise(catalogue, "KNW-03")] == ["KNW-04"]
    assert [each.code for each in counted_otherwise(catalogue, "KNW-04")] == ["KNW-03"]
    assert counted_otherwise(catalogue, "KNW-05") == []
    file = asked("KNW-03", file="csv", table="units").content.decode("utf-8-sig")
    heading = next(csv.reader(io.StringIO(file)))
    assert heading[2:4] == ["KNW-03", "KNW-04"]
