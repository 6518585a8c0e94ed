"""The report of the present as a file: the figures of the page, written beside the event loop."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from fractions import Fraction
from typing import Any

import pytest

from kieng.kpi.v1 import kpi_service_pb2 as kpi
from kieng.kpi.v1 import view_pb2
from services.documents.page import Page as Sheet
from services.portal.texts import text
from services.texts import Lang
from tests.unit.portal.answered import PERIOD, Answers, Portal, cells

PACE = view_pb2.Pace(
    on_date="2025-07-31",
    value=5,
    expected=view_pb2.Ratio(numerator=7, denominator=1),
    forecast=view_pb2.Ratio(numerator=9, denominator=1),
    standing=view_pb2.Pace.STANDING_BEHIND,
    forecast_low=8,
    forecast_high=11,
)


def kpis(request: kpi.GetKpisRequest) -> kpi.GetKpisResponse:
    found = cells(request.selection)
    for cell in found:
        if cell.indicator_code == "KNW-03":
            cell.target = 10
            cell.pace.CopyFrom(PACE)
    view = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="d" * 64)
    return kpi.GetKpisResponse(view=view, cells=found)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Sheet, threading.Thread]]:
    """What was written as PDF, and by which thread."""
    found = []

    def keep(sheet: Sheet, lang: str) -> bytes:
        found.append((sheet, threading.current_thread()))
        return b"%PDF-"

    monkeypatch.setattr("services.documents.pdf.pdf_bytes", keep)
    return found


def asked(**query: str) -> Any:
    portal = Portal(Answers(GetKpis=kpis))
    return asyncio.run(portal.get("/report", unit="a", **PERIOD, **query))


def test_a_document_is_written_beside_the_event_loop(written: list[Any]) -> None:
    assert asked(file="pdf").content == b"%PDF-"
    assert written[0][1] is not threading.main_thread()


def test_it_shows_the_figures_of_the_page_with_the_standing(written: list[Any]) -> None:
    asked(file="pdf", lang="en")
    section = next(
        each for each in written[0][0].sections if each.title == text(Lang.en, "house.university")
    )
    row = next(row for row in section.rows if row.texts[0].startswith("KNW-03"))
    told = ["5", "5", "10", "50%", "", "9 (8 – 11)", text(Lang.en, "standing.behind")]  # noqa: RUF001
    assert row.texts[1:] == told
    assert row.bar is not None
    assert (row.bar.reached, row.bar.expected) == (Fraction(1, 2), Fraction(7, 10))
    assert len(section.columns) == len(row.texts)


def test_it_says_what_it_stands_on_and_where_it_is(written: list[Any]) -> None:
    asked(file="pdf")
    frame = "\n".join(written[0][0].frame)
    assert "d" * 64 in frame
    assert "2025-07-31" in frame
    assert "/report?unit=a&from=2025-01&to=2025-07" in frame


def test_the_page_offers_it() -> None:
    page = asked().text
    assert "file=pdf" in page
    assert "Tải về PDF" in page


@pytest.mark.parametrize(("length", "expected"), [(300, True), (3000, False)])
def test_an_address_that_no_code_can_hold_is_only_written(length: int, expected: bool) -> None:
    async def look() -> str:
        async with Portal(Answers(GetKpis=kpis)).client() as client:
            host = {"host": "a" * length}
            answer = await client.get("/report", params={"unit": "a", **PERIOD}, headers=host)
        assert answer.status_code == 200
        return answer.text

    page = asyncio.run(look())
    assert ('class="code-back"' in page) is expected
    assert "a" * length in page


WORDS = [("vi", "số lượng", "chậm tiến độ"), ("en", "number", "behind")]


@pytest.mark.parametrize(("lang", "unit", "standing"), WORDS)
def test_the_table_as_a_file_has_words_instead_of_codes(
    lang: str, unit: str, standing: str
) -> None:
    text = asked(file="csv", lang=lang).text.removeprefix("\ufeff")
    (line,) = [row for row in csv.reader(io.StringIO(text)) if row[:1] == ["KNW-03"]]
    assert standing in line
    assert "behind" not in line or lang == "en"
    counted = {row[2] for row in csv.reader(io.StringIO(text)) if len(row) > 3}
    assert unit in counted
    assert "count" not in counted
