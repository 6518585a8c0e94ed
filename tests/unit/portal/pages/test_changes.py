"""What changed a number since a day: the works, what they changed, and who did it when and why."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import html5lib
import httpx
import pytest

from kieng.kpi.v1 import edition_service_pb2 as editions
from kieng.kpi.v1 import kpi_service_pb2 as kpi
from kieng.kpi.v1 import view_pb2
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from tests.unit.portal.answered import PERIOD, Answers, Portal

CELL = {"unit": "a", "indicator": "KNW-03", **PERIOD}
Claim = editions.RestatedClaim


def whole(number: int) -> view_pb2.Value:
    return view_pb2.Value(whole=number)


def line(key: str, difference: int, cause: Any, institution: str) -> editions.Restatement:
    claim = Claim(submission_id=f"s-{key}", unit_id="a/x", institution_id=institution, cause=cause)
    change = editions.CellDifference(
        unit_id="a", indicator_code="KNW-03", difference=whole(difference)
    )
    other = editions.CellDifference(unit_id="a", indicator_code="KNW-01", difference=whole(77))
    return editions.Restatement(work_key=key, claims=[claim], changes=[other, change])


def changed(
    request: editions.ListChangesRequest, *, adds_up: bool = True
) -> Iterator[editions.ListChangesResponse]:
    assert (request.as_of, request.unit_only, request.indicator_code) == (
        "2025-05-01",
        True,
        "KNW-03",
    )
    works = [
        line("new", 1, Claim.CAUSE_NEWLY_VERIFIED, "vnu"),
        line("lost", -1, Claim.CAUSE_WITHDRAWN, "hust"),
        line("mended", 2, Claim.CAUSE_AMENDED, "hust"),
    ]
    yield editions.ListChangesResponse(restatements=works)
    cell = editions.RestatedCell(
        unit_id="a", indicator_code="KNW-03", closed=whole(3), by_works=whole(2), now=whole(5)
    )
    view = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="d" * 64)
    yield editions.ListChangesResponse(cells=[cell], view=view, adds_up=adds_up)


def history(request: submission_service_pb2.GetSubmissionRequest) -> Any:
    found = submission_pb2.Submission(submission_id=request.submission_id)
    for day, action, reason in ((1, "ACTION_CREATE", "cũ"), (20, "ACTION_VERIFY", "<b>đủ</b>")):
        entry = found.history.add(
            action=submission_pb2.Action.Value(action), subject="an@vnu", reason=reason
        )
        # The evening of the day in Vietnam, and three weeks later.
        entry.at.FromDatetime(datetime(2025, 5, day, 16, tzinfo=UTC))
    return submission_service_pb2.GetSubmissionResponse(submission=found)


def explained(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
    return kpi.ExplainKpiResponse(value=whole(5))


def asked(
    role: str = "approver", comparing: Any = changed, reading: Any = history, **query: str
) -> httpx.Response:
    answers = Answers(ListChanges=comparing, ExplainKpi=explained, GetSubmission=reading)
    answer = asyncio.run(Portal(answers, role).get("/cells", **CELL, **query))
    if answer.headers["content-type"].startswith("text/html"):
        html5lib.HTMLParser(strict=True).parse(answer.text)
    return answer


def test_it_is_compared_only_when_asked() -> None:
    assert asked(comparing=None).status_code == 200


def test_each_work_says_what_it_changed_and_the_sum_is_shown() -> None:
    text = asked(since="2025-05-01").text
    assert "3 → 5: 3 công trình làm nên đúng" in text
    table = text.partition('id="changes"')[2]
    for key, kind, difference in (
        ("new", "thêm vào", "+1"),
        ("lost", "mất đi", "−1"),  # noqa: RUF001
        ("mended", "đã sửa", "+2"),
    ):
        row = table.partition(f">{key}</a>")[2].partition("</tr>")[0]
        assert kind in row
        assert f">{difference}</td>" in row
    assert "77" not in table


def test_who_did_what_when_and_why_is_told_of_ones_own_institution() -> None:
    file = asked(since="2025-05-01", file="csv", table="changes").content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(file)))
    assert lines[1][6] == "20 thg 5 2025 23:00 GMT+07:00 xác minh an@vnu <b>đủ</b>"
    assert [line[6] for line in lines[2:]] == ["", ""]
    assert lines[1][8] == "d" * 64
    assert "&lt;b&gt;đủ" in asked(since="2025-05-01").text


def test_a_viewer_who_may_read_no_submission_still_sees_the_works() -> None:
    text = asked("viewer", since="2025-05-01").text
    assert ">lost</a>" in text
    assert "an@vnu" not in text


def test_a_sum_that_does_not_add_up_is_said() -> None:
    def wrong(request: Any) -> Any:
        return changed(request, adds_up=False)

    assert "KHÔNG giải thích hết" in asked(comparing=wrong, since="2025-05-01").text


@pytest.mark.parametrize(("code", "status"), [("RESOURCE_EXHAUSTED", 200), ("NOT_FOUND", 404)])
def test_a_comparison_that_cannot_be_made_now_leaves_the_rest_of_the_page(
    code: str, status: int
) -> None:
    def refuses(request: Any) -> Any:
        raise Refused(code, "another replay runs; repeat later")

    answer = asked(comparing=refuses, since="2025-05-01")
    assert answer.status_code == status
    assert "another replay" in answer.text or "lại sau" in answer.text


def test_a_reader_of_one_unit_sees_the_works_of_others_without_their_history() -> None:
    def theirs(request: Any) -> Any:
        raise Refused("NOT_FOUND", "no such submission")

    text = asked("contributor", reading=theirs, since="2025-05-01").text
    assert ">lost</a>" in text
    assert "đủ" not in text.partition('id="changes"')[2].partition("</section>")[0]


def test_a_history_that_cannot_be_read_now_is_not_left_out_silently() -> None:
    def down(request: Any) -> Any:
        raise Refused("UNAVAILABLE", "try later")

    assert asked("contributor", reading=down, since="2025-05-01").status_code == 503


def ratio(numerator: int, denominator: int) -> view_pb2.Value:
    return view_pb2.Value(ratio=view_pb2.Ratio(numerator=numerator, denominator=denominator))


def test_an_attainment_leads_to_the_indicator_that_it_is_of() -> None:
    def never(request: Any) -> Any:
        raise AssertionError(request)

    query = {**CELL, "indicator": "KNW-08", "since": "2025-05-01"}
    portal = Portal(Answers(ExplainKpi=lambda _: kpi.ExplainKpiResponse(), ListChanges=never))
    text = asyncio.run(portal.get("/cells", **query)).text
    assert "Hãy xem thay đổi của KNW-01" in text


OF_RATIO = {
    # Work -> (what it adds to both parts, what it changed of them, kind of the change).
    "both": ((1, 1), (1, 1), "added"),
    "lower": ((0, 1), (0, 1), "added"),
    "less": ((0, 1), (-1, 0), "gone"),
}


def of_ratio(path: str, **query: str) -> tuple[str, list[list[str]]]:
    """A page about a percentage, and its table as a file."""
    place: Any = {"unit_id": "a", "indicator_code": "KNW-05"}
    cell = editions.RestatedCell(
        **place,
        closed=ratio(2, 4),
        by_works=ratio(0, 2),
        by_definitions=ratio(1, 0),
        now=ratio(3, 6),
    )

    def restated(request: Any) -> Iterator[Any]:
        kind = type(request).__name__.replace("Request", "Response")
        works = [
            editions.Restatement(
                work_key=key,
                claims=[Claim(submission_id=key, unit_id="a/x", cause=Claim.CAUSE_LATE)],
                changes=[editions.CellDifference(**place, difference=ratio(*change))],
            )
            for key, (_, change, _) in OF_RATIO.items()
        ]
        yield getattr(editions, kind)(restatements=works, cells=[cell], adds_up=True)

    def explain(request: kpi.ExplainKpiRequest) -> kpi.ExplainKpiResponse:
        works = [
            kpi.ExplainedWork(work_key=key, contribution=ratio(*own))
            for key, (own, _, _) in OF_RATIO.items()
        ]
        return kpi.ExplainKpiResponse(value=ratio(1, 3), works=works)

    answers = Answers(
        ListChanges=restated,
        ListRestatements=restated,
        ExplainKpi=explain,
        GetEdition=lambda _: editions.GetEditionResponse(),
    )
    page, file = (
        asyncio.run(Portal(answers).get(path, **{**CELL, "indicator": "KNW-05", **query, **more}))
        for more in ({"lang": "en"}, {"lang": "en", "file": "csv"})
    )
    return page.text, list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))


def test_what_works_add_to_a_percentage_is_told_in_both_parts() -> None:
    text, file = of_ratio("/cells")
    assert [line[2] for line in file[1:]] == ["1 of 1", "0 of 1", "0 of 1"]
    assert all(f'<td class="number">{line[2]}</td>' in text for line in file[1:])
    assert "33.3%" in text


def test_what_works_changed_of_a_percentage_is_told_in_both_parts() -> None:
    text, file = of_ratio("/cells", since="2025-05-01", table="changes")
    told = [line[2].removeprefix("'") for line in file[1:]]
    assert told == ["+1 of +1", "±0 of +1", "−1 of ±0"]  # noqa: RUF001
    assert all(f'<td class="number">{each}</td>' in text for each in told)
    assert [line[1] for line in file[1:]] == ["added", "added", "gone"]


def test_a_closed_percentage_is_told_with_both_parts_of_its_changes() -> None:
    text, file = of_ratio("/editions/2025", since="1")
    assert file[1][2:6] == ["0.5", "±0 of +2", "'+1 of ±0", "0.5"]
    for told in ("50%", "±0 of +2", "+1 of ±0"):
        assert f'<td class="number">{told}</td>' in text
