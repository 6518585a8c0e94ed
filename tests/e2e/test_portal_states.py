"""Axe reads what a page is when nothing is there, nothing may be seen, or nothing answers.

The portal runs in this process, whose services answer as they would then; the browser gets its
pages without a network.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser

from kieng.kpi.v1 import edition_service_pb2, kpi_service_pb2, view_pb2
from kieng.notifications.v1 import notification_service_pb2
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from tests.e2e.browsing import LANGUAGES, in_both_schemes, opened, with_language
from tests.unit.portal.answered import CATALOGUE, Answers, Portal, cells
from tests.unit.portal.pages.test_review import history, waits

MONTHS = "from=2025-01&to=2025-07"
CELL = f"/cells?unit=a&indicator=KNW-03&{MONTHS}"

pytestmark = pytest.mark.slow


class Healthy(Answers):
    """Services of which one does not answer at all."""

    async def health(self) -> dict[str, bool]:
        """Return the process -> whether it answers."""
        return {"kpi": False, "submissions": True}


def empty() -> Answers:
    """Nothing has been submitted, closed or told."""
    return Healthy(
        WatchKpis=lambda _: [],
        ListSubmissions=lambda _: submission_service_pb2.ListSubmissionsResponse(),
        ListEditions=lambda _: edition_service_pb2.ListEditionsResponse(),
        ListNotifications=lambda _: notification_service_pb2.ListNotificationsResponse(),
        ExplainKpi=lambda _: kpi_service_pb2.ExplainKpiResponse(),
        GetOverlapMatrix=lambda _: kpi_service_pb2.GetOverlapMatrixResponse(),
        ListOverlaps=lambda _: kpi_service_pb2.ListOverlapsResponse(),
    )


def stale() -> Answers:
    """Some records are parked, and view and log have diverged."""
    found = empty()
    found.view.parked = 3
    found.view.log_trouble = "diverged"
    return found


def refusing(code: str) -> Callable[[], Answers]:
    def refuse(request: Any) -> Any:
        raise Refused(code, "the service says so")

    names = ("GetCatalogue", "GetKpis", "ListSubmissions", "ListNotifications", "GetReport")
    return lambda: Healthy(**dict.fromkeys(names, refuse))


def busy() -> Answers:
    """The comparison of a number with a day cannot be made now."""

    def refuse(request: Any) -> Any:
        raise Refused("RESOURCE_EXHAUSTED", "another replay runs; repeat later")

    found = empty()
    found.more["ListChanges"] = refuse
    return found


def queued() -> Answers:
    """Something overdue waits, which was returned before."""
    found = empty()
    listed = [waits(1, 20, reason="Thiếu bản ký"), waits(2, 1)]
    listed[1].state = submission_pb2.STATE_UNIT_APPROVED
    answer = submission_service_pb2.ListSubmissionsResponse(submissions=listed)
    found.more |= {"ListSubmissions": lambda _: answer, "GetSubmission": history}
    return found


STATES = {
    "empty": (
        empty,
        ("/review", "/review?due=overdue", "/editions", "/inbox", CELL, "/submissions", "/health"),
    ),
    "empty-overlaps": (empty, (f"/overlaps?{MONTHS}&indicator=KNW-03",)),
    "stale": (stale, (f"/?{MONTHS}", "/health", f"/report?{MONTHS}&unit=a")),
    "down": (refusing("UNAVAILABLE"), ("/", "/review", "/report", CELL)),
    "no-rights": (refusing("PERMISSION_DENIED"), ("/", "/review", "/inbox")),
    "wrong": (empty, ("/units/nowhere", "/review?since=x", "/cells")),
    "busy": (busy, (f"{CELL}&since=2025-05-01",)),
    "queued": (queued, ("/review",)),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_in_any_state(running: Browser, lang: str, state: str) -> None:
    answers, paths = STATES[state]
    with opened(running, Portal(answers(), "approver"), "light") as page:
        found = {}
        for path in paths:
            page.goto(f"http://portal{with_language(path, lang)}")
            assert page.locator("h1").count() == 1, path
            found[path] = in_both_schemes(page)
    assert {path: each for path, each in found.items() if each} == {}


def crowded() -> Answers:
    """Sixteen units below, and long amounts with targets in every row."""

    def summary(request: kpi_service_pb2.GetReportRequest) -> kpi_service_pb2.GetReportResponse:
        share = view_pb2.Ratio(numerator=1, denominator=16)
        children = [
            kpi_service_pb2.RankedChild(
                unit_id=f"Trường thành viên số {number}", attainment=share, share=share
            )
            for number in range(16)
        ]
        value = view_pb2.Value(whole=117_609_637_349)
        movers = [
            kpi_service_pb2.Mover(indicator_code=each.indicator_code, before=value, now=value)
            for each in cells(selected(CODES[:5]))
        ]
        return kpi_service_pb2.GetReportResponse(children=children, movers=movers)

    def kpis(request: kpi_service_pb2.GetKpisRequest) -> kpi_service_pb2.GetKpisResponse:
        found = cells(request.selection, value=117_609_637_349)
        for cell in found:
            cell.target = 350_000_000_000
            cell.pace.standing = view_pb2.Pace.STANDING_BEHIND
            cell.pace.on_date = "2025-07-31"
            cell.pace.forecast.numerator, cell.pace.forecast.denominator = 190_000_000_000, 1
        view = view_pb2.ViewInfo(view_id="g1-c1-f1", digest="d" * 64)
        return kpi_service_pb2.GetKpisResponse(view=view, cells=found)

    return Healthy(GetReport=summary, GetKpis=kpis)


CODES = [each.code for each in CATALOGUE.indicators]


def selected(codes: list[str]) -> view_pb2.Selection:
    return view_pb2.Selection(
        unit_ids=["a"], indicator_codes=codes, from_month="2025-01", to_month="2025-07"
    )


def test_the_report_of_a_university_is_one_printed_page(running: Browser) -> None:
    with opened(running, Portal(crowded()), "light") as page:
        page.goto(f"http://portal/report?unit=a&{MONTHS}")
        printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 1
