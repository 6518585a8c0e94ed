"""Axe reads what a page is when nothing is there, nothing may be seen, or nothing answers.

The portal runs in this process, whose services answer as they would then; the browser gets its
pages without a network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Route

from kieng.kpi.v1 import edition_service_pb2, kpi_service_pb2
from kieng.notifications.v1 import notification_service_pb2
from kieng.submissions.v1 import submission_pb2, submission_service_pb2
from services.portal.calls import Refused
from tests.e2e.browsing import LOOKS, browser, chromium, violations, with_language
from tests.unit.portal.answered import Answers, Portal
from tests.unit.portal.pages.test_review import history, waits

MONTHS = "from=2025-01&to=2025-07"
CELL = f"/cells?unit=a&indicator=KNW-03&{MONTHS}"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not chromium(), reason="no Chromium here: apt-get install chromium, and run it again"
    ),
]


class Healthy(Answers):
    """Services of which one does not answer at all."""

    async def health(self) -> dict[str, bool]:
        """Return the process -> whether it answers."""
        return {"kpi": False, "submissions": True}


def empty() -> Answers:
    """Nothing has been submitted, closed or told."""
    return Healthy(
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
    "wrong": (empty, ("/units/nowhere", "/review?since=x", "/no/page", "/cells")),
    "busy": (busy, (f"{CELL}&since=2025-05-01",)),
    "queued": (queued, ("/review",)),
}


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as found:
        yield found


async def fetched(portal: Portal, url: str) -> httpx.Response:
    async with portal.client() as client:
        return await client.get(url)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("lang", "scheme"), LOOKS)
def test_axe_finds_nothing_in_any_state(
    running: Browser, lang: str, scheme: Any, state: str
) -> None:
    answers, paths = STATES[state]
    portal = Portal(answers(), "approver")
    context = running.new_context(color_scheme=scheme)
    page = context.new_page()
    # Playwright has an event loop of its own in this thread.
    with ThreadPoolExecutor(1) as beside:

        def fulfill(route: Route) -> None:
            answer = beside.submit(asyncio.run, fetched(portal, route.request.url)).result()
            headers = {"content-type": answer.headers.get("content-type", "text/plain")}
            route.fulfill(status=answer.status_code, headers=headers, body=answer.content)

        page.route("http://portal/**", fulfill)
        found = {}
        for path in paths:
            page.goto(f"http://portal{with_language(path, lang)}")
            assert page.locator("h1").count() == 1, path
            found[path] = violations(page)
    context.close()
    assert {path: each for path, each in found.items() if each} == {}
