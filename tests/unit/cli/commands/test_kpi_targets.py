"""The course of months that `kieng kpi show --trend` draws beside a target."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.cli.commands.kpi_targets import courses, nothing_text
from services.cli.terminal.screen import Screen
from services.texts import Lang


class Service:
    """Answers two months, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def stub(self, _: Any) -> Service:
        return self

    def GetKpis(self, request: Any) -> Any:
        self.asked.append(request)
        answer = kpi_service_pb2.GetKpisResponse()
        for whole in (0, 4):
            answer.cells.add(unit_id="vnu", indicator_code="KNW-01").verified.whole = whole
        return answer

    def ReplayKpis(self, request: Any) -> Any:
        self.asked.append(request)
        yield kpi_service_pb2.ReplayKpisResponse()


CELLS = [view_pb2.Cell(unit_id="vnu", indicator_code="KNW-01")]


def drawn(*past: Any) -> tuple[Any, dict[tuple[str, str], str]]:
    service = Service()
    session: Any = SimpleNamespace(clients=service, stub=service.stub, screen=Screen())
    found = courses(session, CELLS, "2025-03", *past)
    return service.asked[0], found


def test_the_twelve_months_up_to_the_last_one_are_drawn() -> None:
    request, found = drawn()
    assert (request.selection.from_month, request.selection.to_month) == ("2024-04", "2025-03")
    assert found == {("vnu", "KNW-01"): "▁█"}


def test_beside_numbers_of_the_past_stands_a_course_of_the_past() -> None:
    assert drawn("2025-04-01")[0].as_of == "2025-04-01"
    replayed = drawn("", "0:7")[0]
    assert [(each.partition, each.next_offset) for each in replayed.at] == [(0, 7)]


def test_an_empty_list_says_why_and_what_to_ask_instead() -> None:
    screen = Screen(lang=Lang.en)
    month = nothing_text(screen, [view_pb2.Cell(indicator_code="KNW-03")], "2025-07")
    assert "--from 2025-01" in month
    assert "\n  kieng target list --year 2025" in month
    year = nothing_text(screen, [view_pb2.Cell(indicator_code="KNW-03", target=5)], "2025-01")
    assert year == "No target is behind."
