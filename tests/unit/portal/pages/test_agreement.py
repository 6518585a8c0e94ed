"""The agreement: five years, plan against what has happened, also as a file."""

import asyncio
import csv
import io
from datetime import date

import pytest

from kieng.kpi.v1 import kpi_service_pb2
from services.portal.site import Page
from tests.unit.portal.answered import PERIOD, Answers, Portal, cells


def planned(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
    """Five of everything; for 2026 there is a target of 7, for 2024 one of 4."""
    found = cells(request.selection)
    for each in found:
        target = {"2026-01": 7, "2024-01": 4}.get(each.from_month)
        if target and each.to_month.endswith("-12"):
            each.target = target
    return kpi_service_pb2.GetKpisResponse(cells=found)


def test_five_years_are_planned_and_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Page, "today", date(2026, 12, 1))
    portal = Portal(Answers(GetKpis=planned))
    answer = asyncio.run(portal.get("/agreement", **PERIOD, file="csv", table="years", lang="en"))
    heading, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert heading[2:4] == ["2023: plan", "2023: happened"]
    assert heading[10:12] == ["2027: plan", "2027: happened"]
    assert [line[0] for line in lines] == [f"TRI-0{n}" for n in range(1, 7)]
    assert lines[0][2:12] == ["", "5", "4", "5", "", "5", "7", "5", "", ""]
    page = asyncio.run(portal.get("/agreement", **PERIOD, lang="en")).text
    plan = page.partition("The plan of five years")[2]
    assert plan.count('<span class="standing reached">✓</span>') == 6
    # Of a year that has not begun nothing has happened, though stocks have their level.
    past = asyncio.run(
        portal.get("/agreement", **PERIOD, file="csv", table="years", as_of="2025-06-30")
    )
    _, line, *_ = csv.reader(io.StringIO(past.content.decode("utf-8-sig")))
    assert line[2:12] == ["", "5", "4", "5", "", "5", "7", "", "", ""]
