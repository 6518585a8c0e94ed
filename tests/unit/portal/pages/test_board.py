"""The board: written once for all readers of a language, its series read once for a state."""

from __future__ import annotations

import asyncio

import httpx

from kieng.kpi.v1 import kpi_service_pb2
from services.portal.pages.board import SERIES_KEPT_MAX
from tests.unit.portal.answered import PERIOD, Answers, Portal


def series_asked(answers: Answers) -> int:
    asked = [each for each in answers.asked if isinstance(each, kpi_service_pb2.GetKpisRequest)]
    return sum(each.selection.by_month for each in asked)


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


def test_a_kept_row_is_of_its_language() -> None:
    portal = Portal(Answers())
    vietnamese, english = look(portal).text, look(portal, lang="en").text
    assert "/cells?unit=consortium" in vietnamese
    assert "lang=en" not in vietnamese.partition("<tbody>")[2].partition("</tbody>")[0]
    assert "lang=en" in english.partition("<tbody>")[2].partition("</tbody>")[0]
    assert look(portal).text.count("data-cell") == english.count("data-cell") > 8
