"""The board: written once for all readers of a language, its series read once for a state."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal.pages import board as boards
from services.portal.pages import period_choice
from services.portal.pages.board import BOARDS_KEPT_MAX, SERIES_KEPT_MAX
from tests.unit.portal.answered import PERIOD, Answers, Portal, cells


def series_asked(answers: Answers) -> int:
    asked = [each for each in answers.asked if isinstance(each, kpi_service_pb2.GetKpisRequest)]
    return sum(each.selection.by_month for each in asked)


def kpis_asked(answers: Answers) -> int:
    return sum(isinstance(each, kpi_service_pb2.GetKpisRequest) for each in answers.asked)


def look(portal: Portal, **query: str) -> httpx.Response:
    answer = asyncio.run(portal.get("/", **PERIOD, **query))
    assert answer.status_code == 200
    return answer


def test_the_series_is_read_again_when_the_numbers_have_moved() -> None:
    answers = Answers()
    portal = Portal(answers)
    first = look(portal)
    assert look(portal).text.count("data-cell") == first.text.count("data-cell")
    assert series_asked(answers) == 1
    answers.view.digest = "1" * 64
    look(portal)
    assert series_asked(answers) == 2
    look(portal, house="state")
    assert series_asked(answers) == 3


def test_only_some_states_are_kept() -> None:
    answers = Answers()
    portal = Portal(answers)
    for number in range(SERIES_KEPT_MAX + 1):
        answers.view.digest = f"{number:064}"
        look(portal)
    assert len(portal.site.series) == SERIES_KEPT_MAX
    assert len(portal.site.boards) == BOARDS_KEPT_MAX


def test_a_kept_row_is_of_its_language() -> None:
    portal = Portal(Answers())
    vietnamese, english = look(portal).text, look(portal, lang="en").text
    assert "/cells?unit=consortium" in vietnamese
    assert "lang=en" not in vietnamese.partition("<tbody>")[2].partition("</tbody>")[0]
    assert "lang=en" in english.partition("<tbody>")[2].partition("</tbody>")[0]
    assert look(portal).text.count("data-cell") == english.count("data-cell") > 8


def test_what_is_written_of_a_board_is_written_again_only_when_it_has_changed() -> None:
    answers = Answers()
    portal = Portal(answers)
    first = look(portal)
    (kept,) = portal.site.boards.values()
    assert look(portal).text.partition("<main")[2] == first.text.partition("<main")[2]
    assert list(portal.site.boards.values()) == [kept]
    for changed in (
        {"lang": "en"},
        {"as_of": "2025-06-30"},
        {"house": "state"},
        {"to": "2025-06"},
    ):
        before = len(portal.site.boards)
        asked = {**PERIOD, **changed}
        page = asyncio.run(portal.get("/", **asked)).text
        assert len(portal.site.boards) == before + 1, changed
        for name, value in asked.items():
            assert f"{name}={value}" in page.partition("<main")[2], changed
    answers.more["GetKpis"] = lambda request: kpi_service_pb2.GetKpisResponse(
        view=answers.view, cells=cells(request.selection, value=6)
    )
    assert look(portal).text != first.text


def test_the_period_with_numbers_is_looked_for_once_in_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = Answers()
    portal = Portal(answers)
    for expected in (3, 4):
        # The period, the numbers and their series; then the numbers alone.
        assert asyncio.run(portal.get("/")).status_code == 200
        assert kpis_asked(answers) == expected
    monkeypatch.setattr(period_choice, "PERIOD_SECONDS", -1.0)
    portal.site.periods.clear()
    asyncio.run(portal.get("/"))
    asyncio.run(portal.get("/"))
    assert kpis_asked(answers) == expected + 4


def test_a_board_of_many_cells_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    portal = Portal(Answers())
    monkeypatch.setattr(boards, "CELLS_KEPT_MAX", 3)
    look(portal)
    assert not portal.site.boards


def test_a_board_is_not_kept_with_a_series_of_a_later_state() -> None:
    answers = Answers()
    portal = Portal(answers)

    def moving(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        if request.selection.by_month:
            answers.view.digest = "2" * 64
        return kpi_service_pb2.GetKpisResponse(view=answers.view, cells=cells(request.selection))

    answers.more["GetKpis"] = moving
    look(portal)
    assert not portal.site.boards
    look(portal)
    assert len(portal.site.boards) == 1


@pytest.mark.parametrize(("day", "expected"), [("2025-07-31", 1), ("2025-12-31", 0)])
def test_a_forecast_is_seen_until_the_year_is_over(day: str, expected: int) -> None:
    def kpis(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        found = cells(request.selection)
        for cell in found:
            if cell.indicator_code == "TRI-01" and cell.unit_id == "consortium":
                cell.target = 10
                cell.pace.on_date = day
                cell.pace.standing = view_pb2.Pace.STANDING_BEHIND
                cell.pace.forecast.numerator, cell.pace.forecast.denominator = 1234, 1
        return kpi_service_pb2.GetKpisResponse(cells=found)

    assert look(Portal(Answers(GetKpis=kpis))).text.count("→ 1.234<") == expected


def test_an_address_that_is_not_right_leads_to_the_same_page_with_its_defaults() -> None:
    answer = asyncio.run(Portal(Answers()).get("/units/a", **{"from": "2025-13", "to": "2025-12"}))
    assert answer.status_code == 400
    assert '<a href="/units/a">Mở lại trang này' in answer.text


def test_the_legend_says_what_a_mark_means_once_the_year_is_over() -> None:
    assert "hết năm: không đạt" in look(Portal(Answers())).text


def test_both_months_of_a_change_are_named_with_it_and_once_in_words() -> None:
    portal = Portal(Answers())
    for path, words in (("/", "Hai số bên cạnh"), ("/units/a", "Hai cột cuối")):
        page = asyncio.run(portal.get(path, **PERIOD)).text
        for before in ("6/2025", "7/2024"):
            assert f'title="tháng 7/2025 so với tháng {before}"' in page, path
        assert f"{words}: số riêng của tháng 7/2025 so với tháng 6/2025" in page
    assert '<span title="tháng 7/2025 so với tháng 6/2025">so với 6/2025</span></th>' in page
    english = asyncio.run(portal.get("/units/a", **PERIOD, lang="en")).text
    assert ">vs Jun 2025</span></th>" in english


def test_a_target_stands_beside_its_value_and_whole_on_hover() -> None:
    def kpis(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        found = cells(request.selection)
        for cell in found:
            if cell.indicator_code == "COM-03":
                cell.target = 170_300_000_000
        return kpi_service_pb2.GetKpisResponse(cells=found)

    portal = Portal(Answers(GetKpis=kpis))
    page = look(portal, house="enterprise").text
    assert 'title="chỉ tiêu của năm: 170.300.000.000"' in page
    assert '170<span class="rest">,3 tỷ</span></span>' in page.replace("\xa0", " ")
    assert "/ chỉ tiêu</span>" in page
    assert "Sau dấu gạch chéo" in page
    assert "/ chỉ tiêu" not in look(portal).text


@pytest.mark.parametrize("path", ["/", "/units/a", "/report", "/indicators/KNW-03"])
def test_filters_are_folded_before_the_numbers(path: str) -> None:
    page = asyncio.run(Portal(Answers()).get(path, **PERIOD, unit="a")).text
    assert '<details class="filters"><summary>Kỳ 2025-01' in page
    assert page.index('name="from"') > page.index("<details class=")
