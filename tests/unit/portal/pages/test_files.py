"""Tables as files: the rows of the page in its order, with what they stand on."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
import zipfile

import html5lib
import pytest

from kieng.kpi.v1 import edition_service_pb2 as editions
from kieng.kpi.v1 import kpi_service_pb2 as kpi
from kieng.kpi.v1 import view_pb2
from kieng.submissions.v1 import facts_pb2, submission_pb2, submission_service_pb2
from services.portal.pages import contributions, tables
from tests.unit.portal.answered import PERIOD, Answers, Portal

VIEW = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="d" * 64)
MARKUP = "<script>alert(1)</script>"
CELL = {"unit": "vnu", "indicator": "KNW-03", **PERIOD}


def explained(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
    claim = kpi.ExplainedClaim(unit_id="vnu/hus", submission_id="s1", verified=True)
    work = kpi.ExplainedWork(
        work_key="doi:10.5555/1",
        title=MARKUP,
        contribution=view_pb2.Value(whole=1),
        claims=[claim, kpi.ExplainedClaim(unit_id="vnu/uet", submission_id="s2")],
    )
    return kpi.ExplainKpiResponse(view=VIEW, value=view_pb2.Value(whole=1), works=[work])


def edition(request: editions.GetEditionRequest) -> editions.GetEditionResponse:
    found = editions.Edition(edition_id="2025", title=MARKUP, unit_id="vnu")
    return editions.GetEditionResponse(edition=found)


def restatements(
    request: editions.ListRestatementsRequest,
) -> list[editions.ListRestatementsResponse]:
    late = editions.RestatedClaim(
        unit_id="vnu/hus", submission_id="s1", cause=editions.RestatedClaim.CAUSE_LATE
    )
    works = [
        editions.Restatement(work_key=f"doi:10.5555/{number}", claims=[late])
        for number in range(600)
    ]
    cell = editions.RestatedCell(
        unit_id="vnu",
        indicator_code="KNW-03",
        closed=view_pb2.Value(whole=1),
        now=view_pb2.Value(whole=601),
    )
    return [
        editions.ListRestatementsResponse(restatements=works),
        editions.ListRestatementsResponse(cells=[cell], view=VIEW, adds_up=True),
    ]


def waiting(
    request: submission_service_pb2.ListSubmissionsRequest,
) -> submission_service_pb2.ListSubmissionsResponse:
    facts = facts_pb2.Facts(publication=facts_pb2.Publication(title=f"={MARKUP}"))
    found = submission_pb2.Submission(
        submission_id="s1",
        version=1,
        state=submission_pb2.STATE_SUBMITTED,
        work_key="doi:10.5555/1",
        content=submission_pb2.Content(unit_id="vnu/hus", facts=facts),
    )
    return submission_service_pb2.ListSubmissionsResponse(submissions=[found])


ANSWERS = Answers(
    ExplainKpi=explained,
    GetEdition=edition,
    ListRestatements=restatements,
    ListSubmissions=waiting,
)


@pytest.mark.parametrize(
    ("path", "query", "rows", "first"),
    [
        (
            "/cells",
            CELL,
            1,
            ["doi:10.5555/1", MARKUP, "1", "vnu/hus, vnu/uet", "vnu/hus", VIEW.view_id],
        ),
        ("/editions/2025", {"since": "1"}, 1, ["vnu", "KNW-03", "1", "", "", "601"]),
        (
            "/editions/2025",
            {"since": "1", "table": "works"},
            600,
            ["doi:10.5555/0", "vnu/hus"],
        ),
        ("/review", {}, 1, ["s1", "submitted", "publication", "vnu/hus"]),
    ],
)
def test_a_page_leads_to_its_table_as_a_file(
    path: str, query: dict[str, str], rows: int, first: list[str]
) -> None:
    portal = Portal(ANSWERS, "approver")
    page = asyncio.run(portal.get(path, **query))
    assert page.status_code == 200
    html5lib.HTMLParser(strict=True).parse(page.text)
    assert "file=csv" in page.text
    assert MARKUP not in page.text
    answer = asyncio.run(portal.get(path, file="csv", **query))
    assert answer.headers["content-type"].startswith("text/csv")
    found = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(found) == rows + 1
    assert found[1][: len(first)] == first
    book = asyncio.run(portal.get(path, file="xlsx", **query))
    assert book.content.startswith(b"PK")


@pytest.mark.parametrize(("pages", "is_cut"), [(3, False), (99, True)])
def test_the_file_of_a_number_has_the_works_of_all_pages(
    monkeypatch: pytest.MonkeyPatch, pages: int, is_cut: bool
) -> None:
    monkeypatch.setattr(contributions, "FILE_WORKS_MAX", 1500)

    def explain(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
        number = int(request.page_token or 0)
        works = [
            kpi.ExplainedWork(work_key=f"w{number}-{each}", contribution=view_pb2.Value(whole=1))
            for each in range(250)
        ]
        following = str(number + 1) if number + 1 < pages else ""
        value = view_pb2.Value(whole=250 * pages)
        return kpi.ExplainKpiResponse(value=value, works=works, next_page_token=following)

    portal = Portal(Answers(ExplainKpi=explain))
    answer = asyncio.run(portal.get("/cells", file="csv", page="1", lang="en", **CELL))
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [line[0] for line in lines[1:3]] == ["w0-0", "w0-1"]
    assert ("other works are on other pages" in lines[-1][0]) is is_cut
    assert len(lines) == 1 + (1500 + 1 if is_cut else 250 * pages)


def test_a_title_is_no_formula() -> None:
    text = asyncio.run(Portal(ANSWERS, "approver").get("/review", file="csv")).text
    assert f"'={MARKUP}" in text


def test_a_workbook_keeps_every_digit_of_a_large_amount() -> None:
    amounts = [999_999_999_999_999, 10**15 + 1, 2**63 - 1, -(2**63)]
    lines: list[list[tables.Value]] = [[each] for each in amounts]
    with zipfile.ZipFile(io.BytesIO(tables.as_xlsx([["vnd"], *lines]))) as book:
        written = [
            book.read(f"xl/{name}").decode()
            for name in ("worksheets/sheet1.xml", "sharedStrings.xml")
        ]
    assert "<v>999999999999999</v>" in written[0]
    assert all(f">{each}</t>" in written[1] for each in amounts[1:])


def test_a_workbook_cuts_a_text_that_no_cell_holds() -> None:
    texts = ["a" * tables.TEXT_MAX, "b" * (tables.TEXT_MAX + 1)]
    with zipfile.ZipFile(io.BytesIO(tables.as_xlsx([["x"], [*texts]]))) as book:
        written = book.read("xl/sharedStrings.xml").decode()
    assert f">{texts[0]}</t>" in written
    assert f">{texts[1][:-2]}…</t>" in written


def test_a_workbook_is_written_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def written(lines: list[list[tables.Value]]) -> bytes:
        threads.append(threading.current_thread())
        return b"PK"

    monkeypatch.setattr(tables, "as_xlsx", written)
    answer = asyncio.run(tables.file("xlsx", "kieng", [["a"]]))
    assert answer.body == b"PK"
    assert threads != [threading.current_thread()]
