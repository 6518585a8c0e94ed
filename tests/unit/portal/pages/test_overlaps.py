"""Overlaps: the matrix, the joint works with titles, and where their claims contradict."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import html5lib
import pytest

from kieng.kpi.v1 import kpi_service_pb2 as kpi
from kieng.kpi.v1 import view_pb2
from tests.unit.portal.answered import PERIOD, Answers, Portal

VIEW = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="d" * 64)
"""What the works stand on; the matrix and the joint works were answered before and after it."""
BEFORE = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="c" * 64)
AFTER = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="e" * 64)


def matrix(request: kpi.GetOverlapMatrixRequest) -> kpi.GetOverlapMatrixResponse:
    return kpi.GetOverlapMatrixResponse(
        view=BEFORE,
        children=[kpi.OverlapCount(unit_ids=[unit], works=3) for unit in ("a", "b")],
        pairs=[kpi.OverlapCount(unit_ids=["a", "b"], works=2)],
        whole=4,
    )


def listed(request: kpi.ListOverlapsRequest) -> kpi.ListOverlapsResponse:
    overlap = kpi.Overlap(work_key="doi:1", unit_ids=["a", "b"])
    return kpi.ListOverlapsResponse(view=AFTER, overlaps=[overlap])


def explained(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
    """Two pages: the contradiction is on the second."""
    contribution = view_pb2.Value(whole=1)
    if not request.page_token:
        works = [
            kpi.ExplainedWork(work_key=f"doi:x{number}", contribution=contribution)
            for number in range(300)
        ]
        return kpi.ExplainKpiResponse(
            view=VIEW, value=view_pb2.Value(whole=301), works=works, next_page_token="2"
        )
    other = kpi.Disagreement(unit_id="b", field="issued_on", said="2025-01-02", counts="<i>")
    work = kpi.ExplainedWork(
        work_key="doi:1", title="Bài chung", contribution=contribution, disagreements=[other]
    )
    return kpi.ExplainKpiResponse(view=VIEW, value=view_pb2.Value(whole=301), works=[work])


def asked(explain: Any = explained, **query: str) -> Any:
    answers = Answers(GetOverlapMatrix=matrix, ListOverlaps=listed, ExplainKpi=explain)
    return asyncio.run(Portal(answers).get("/overlaps", **PERIOD, **query))


def test_the_page_shows_joint_works_and_what_their_claims_contradict() -> None:
    text = asked().text
    html5lib.HTMLParser(strict=True).parse(text)
    assert text.count("Bài chung") == 2
    assert "1 công trình có kê khai khác nhau" in text
    assert "&lt;i&gt;" in text
    assert "rất nhiều công trình" not in text


def test_what_was_not_looked_at_is_said() -> None:
    def endless(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
        request.page_token = ""
        return explained(request)

    assert "rất nhiều công trình" in asked(endless).text


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("", ["a", "3", "2", "g1-c1-f1", "c" * 64]),
        ("works", ["doi:1", "Bài chung", "a, b", "g1-c1-f1", "e" * 64]),
        (
            "contradictions",
            ["doi:1", "Bài chung", "b", "issued_on", "2025-01-02", "<i>", "g1-c1-f1", "d" * 64],
        ),
    ],
)
def test_each_table_is_a_file_that_names_what_it_stands_on(table: str, expected: list[str]) -> None:
    file = asked(file="csv", table=table).content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(file)))
    assert lines[1] == expected
    assert len({len(line) for line in lines}) == 1


def test_the_file_of_joint_works_has_those_of_all_answers() -> None:
    def more(request: kpi.ListOverlapsRequest) -> kpi.ListOverlapsResponse:
        number = int(request.page_token or 1)
        overlap = kpi.Overlap(work_key=f"doi:{number}", unit_ids=["a", "b"])
        following = str(number + 1) if number < 3 else ""
        return kpi.ListOverlapsResponse(overlaps=[overlap], next_page_token=following)

    answers = Answers(GetOverlapMatrix=matrix, ListOverlaps=more, ExplainKpi=explained)
    query = {**PERIOD, "table": "works", "file": "csv"}
    file = asyncio.run(Portal(answers).get("/overlaps", **query)).content.decode("utf-8-sig")
    assert [line[0] for line in csv.reader(io.StringIO(file))][1:] == ["doi:1", "doi:2", "doi:3"]
