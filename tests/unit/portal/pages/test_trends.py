"""The trend of an indicator: what is drawn of it, and in which words."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

import html5lib
import httpx
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from services.portal.calls import Refused
from tests.unit.portal.answered import Answers, Portal, both_trees, cells
from tests.unit.portal.pages.test_summaries import asked


def kpis(
    request: kpi_service_pb2.GetKpisRequest, value: int = 1_234_567_890, target: int = 0
) -> kpi_service_pb2.GetKpisResponse:
    found = cells(request.selection, value)
    for cell in found:
        if target:
            cell.target = target
            cell.pace.value = value
            cell.pace.on_date = "2025-07-31"
    return kpi_service_pb2.GetKpisResponse(cells=found)


def slow(request: object) -> None:
    raise Refused("DEADLINE_EXCEEDED", "too slow")


def page(lang: str = "vi", code: str = "KNW-03", **more: Any) -> httpx.Response:
    return asked(f"/indicators/{code}", Portal(Answers(**more)), lang=lang)


def drawn(answer: httpx.Response) -> dict[str, Any]:
    tree = html5lib.parse(answer.text, namespaceHTMLElements=False)
    found: dict[str, Any] = json.loads(tree.find(".//figure[@data-trend]").get("data-trend"))
    return found


@pytest.mark.parametrize(("lang", "text"), [("vi", "1,2 tỷ"), ("en", "1.2B")])
def test_each_value_comes_with_its_text_as_pages_write_it(lang: str, text: str) -> None:
    found = drawn(page(lang, GetKpis=kpis, CompareTrees=slow))
    assert [line["name"] for line in found["lines"]] == ["declared", "verified"]
    for line in found["lines"]:
        assert line["values"] == [1_234_567_890.0] * 24
        assert line["texts"] == [text] * 24
    assert (found["months"][0], found["months"][-1]) == ("2023-08", "2025-07")
    assert [amount for amount, _ in found["marks"]] == [0, 5e8, 1e9, 1.5e9, 2e9]


def test_a_target_is_drawn_evenly_in_the_months_of_its_year() -> None:
    answer = page(GetKpis=partial(kpis, value=7, target=200), CompareTrees=slow)
    found = drawn(answer)
    (line,) = (line for line in found["lines"] if line["name"] == "target")
    assert line["values"] == [None] * 17 + [200 / 12] * 7
    assert line["texts"][-1] == "16,67"
    assert 'class="target-line"' in answer.text
    assert "chỉ tiêu năm 2025: 200, chia đều mỗi tháng 16,67" in answer.text
    assert found["marks"][-1][0] >= 200 / 12


def test_the_target_of_a_stock_is_a_level_and_not_a_part_of_a_month() -> None:
    answer = page(code="COM-06", GetKpis=partial(kpis, value=150, target=200), CompareTrees=slow)
    (line,) = (line for line in drawn(answer)["lines"] if line["name"] == "target")
    assert line["values"] == [None] * 17 + [200.0] * 7
    assert "chỉ tiêu năm 2025: 200</span>" in answer.text


@pytest.mark.parametrize(
    ("parts", "marks"),
    [
        ((3, 10), ["0%", "10%", "20%", "30%", "40%"]),
        ((1, 1), ["0%", "25%", "50%", "75%", "100%"]),
        ((0, 7), ["0%", "25%", "50%", "75%", "100%"]),
        ((3, 2), ["0%", "50%", "100%", "150%", "200%"]),
        ((1, 50), ["0%", "0,5%", "1%", "1,5%", "2%"]),
    ],
)
def test_percentages_are_drawn_over_percentages(parts: tuple[int, int], marks: list[str]) -> None:
    ratio = view_pb2.Ratio(numerator=parts[0], denominator=parts[1])

    def part(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        answer = kpis(request)
        for cell in answer.cells:
            cell.verified.ratio.CopyFrom(ratio)
            cell.declared.ratio.CopyFrom(ratio)
        return answer

    answer = page(code="KNW-05", GetKpis=part, CompareTrees=slow)
    assert [text for _, text in drawn(answer)["marks"]] == marks
    assert re.findall(r'<text class="amount"[^>]*>([^<]*)<', answer.text) == marks


def test_what_is_verified_covers_the_lines_that_are_equal_to_it() -> None:
    moved = partial(both_trees, moved=2)
    found = drawn(page(GetKpis=partial(kpis, value=5, target=60), CompareTrees=moved))
    assert [line["name"] for line in found["lines"]] == ["target", "declared", "now", "verified"]
    assert found["lines"][2]["values"][:2] == [7, 5]


def test_a_month_without_a_value_has_a_dash() -> None:
    def missing(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        answer = kpis(request, value=3)
        answer.cells[0].declared.CopyFrom(view_pb2.Value())
        return answer

    (line,) = (
        each
        for each in drawn(page(GetKpis=missing, CompareTrees=slow))["lines"]
        if each["name"] == "declared"
    )
    assert (line["values"][0], line["texts"][0]) == (None, "–")  # noqa: RUF001  as `numbers` has it
