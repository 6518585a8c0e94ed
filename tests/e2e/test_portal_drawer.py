"""The drawer of the portal: a number, its works and what happened to them beside the page.

The portal runs in this process, which answers the browser without a network.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.submissions.v1 import submission_service_pb2
from services.portal.calls import Refused
from tests.e2e.browsing import LANGUAGES, in_both_schemes, opened
from tests.unit.portal.answered import PERIOD, Answers, Portal
from tests.unit.portal.pages.test_works import absence

MONTHS = "&".join(f"{name}={month}" for name, month in PERIOD.items())
UNIT = f"/units/a?house=university&{MONTHS}"
NUMBER = 'td[data-cell="a|KNW-03"] a.value'
WORK = "doi:10.5555/tay-1"


def explained(request: kpi_service_pb2.ExplainKpiRequest) -> kpi_service_pb2.ExplainKpiResponse:
    claim = kpi_service_pb2.ExplainedClaim(unit_id="a", verified=True)
    claim.evidence_sha256.append("0" * 64)
    work = kpi_service_pb2.ExplainedWork(work_key=WORK, title="Lúa chịu mặn", claims=[claim])
    work.contribution.whole = 5
    return kpi_service_pb2.ExplainKpiResponse(value=view_pb2.Value(whole=5), works=[work])


def answers(**more: Any) -> Answers:
    """One work explains each number."""
    key = submission_service_pb2.GetWorkKeyResponse(work_key=WORK)
    given = {
        "ExplainKpi": explained,
        "ExplainAbsence": absence,
        "GetWorkKey": lambda _: key,
        "WatchKpis": lambda _: [],
    }
    return Answers(**(given | more))


def drawer(page: Page) -> Locator:
    return page.get_by_role("dialog")


def is_of(page: Page, path: str) -> None:
    expect(page).to_have_url(re.compile(rf"http://portal{path}\?"))


def test_a_number_opens_beside_its_page_and_closes_by_escape_back_and_button(
    running: Browser,
) -> None:
    with opened(running, Portal(answers()), "light") as page:
        page.goto(UNIT)
        number = page.locator(NUMBER)
        title = page.title()
        number.press("Enter")
        expect(drawer(page).locator(".sum")).to_contain_text("cộng lại đúng bằng 5")
        expect(drawer(page).locator("h1")).to_be_focused()
        expect(drawer(page)).to_have_attribute("aria-label", re.compile("^KNW-03"))
        is_of(page, "/cells")
        assert page.title() != title
        # By keys one comes to everything in the drawer, and to nothing behind it.
        inside = (
            "document.activeElement === document.body || drawer.contains(document.activeElement)"
        )
        for _ in range(25):
            page.keyboard.press("Tab")
            assert page.evaluate(inside)
        page.keyboard.press("Escape")
        expect(drawer(page)).to_have_count(0)
        is_of(page, "/units/a")
        expect(number).to_be_focused()
        assert page.title() == title
        number.click()
        expect(drawer(page).locator(".sum")).to_be_visible()
        page.go_back()
        expect(drawer(page)).to_have_count(0)
        is_of(page, "/units/a")
        expect(number).to_be_focused()
        page.go_forward()
        expect(drawer(page).locator(".sum")).to_be_visible()
        drawer(page).get_by_role("button", name="Đóng").click()
        expect(drawer(page)).to_have_count(0)
        is_of(page, "/units/a")
        number.click()
        expect(drawer(page).locator(".sum")).to_be_visible()
        page.mouse.click(5, 400)
        expect(drawer(page)).to_have_count(0)


def test_steps_stay_in_the_drawer_and_go_back_one_by_one(running: Browser) -> None:
    with opened(running, Portal(answers()), "light") as page:
        page.goto(UNIT)
        page.evaluate("window.isStillHere = true")
        page.locator(NUMBER).click()
        drawer(page).get_by_role("link", name="Lúa chịu mặn").click()
        expect(drawer(page).locator(".verdict")).to_contain_text("KHÔNG được tính ở đây")
        is_of(page, "/works")
        page.go_back()
        expect(drawer(page).locator(".sum")).to_be_visible()
        # A heading of the same page is scrolled to; a form is answered where it stands.
        drawer(page).get_by_role("link", name="Vì sao một công trình").click()
        expect(drawer(page).locator("#absent")).to_be_focused()
        drawer(page).locator("[name=work]").fill(WORK)
        drawer(page).locator("[name=work]").press("Enter")
        expect(drawer(page).locator(".verdict")).to_contain_text("KHÔNG được tính ở đây")
        expect(drawer(page).locator("#absent")).to_be_focused()
        expect(page).to_have_url(re.compile("work=doi"))
        assert page.evaluate("window.isStillHere")
        page.keyboard.press("Escape")
        is_of(page, "/units/a")
        # All steps have gone from the history with the drawer.
        assert page.evaluate("history.state.depth") == 0
        expect(page.locator(NUMBER)).to_be_focused()


def test_a_reload_shows_the_page_of_the_number_and_back_leads_out_of_it(running: Browser) -> None:
    with opened(running, Portal(answers()), "light") as page:
        page.goto(UNIT)
        page.locator(NUMBER).click()
        expect(drawer(page).locator(".sum")).to_be_visible()
        page.reload()
        expect(drawer(page)).to_have_count(0)
        expect(page.locator("main .sum")).to_be_visible()
        # On the page itself links are links.
        page.get_by_role("link", name="Lúa chịu mặn").click()
        expect(page.locator("main .verdict")).to_be_visible()
        expect(drawer(page)).to_have_count(0)
        page.go_back()
        expect(page.locator("main .sum")).to_be_visible()
        page.go_back()
        is_of(page, "/units/a")
        expect(page.locator("main table.board")).to_be_visible()
        page.go_forward()
        expect(page.locator("main .sum")).to_be_visible()


def test_who_goes_on_before_a_page_has_its_scripts_sees_the_page_of_the_address(
    running: Browser,
) -> None:
    held: list[Route] = []
    with opened(running, Portal(answers()), "light") as page:
        page.goto(UNIT)
        page.locator(NUMBER).click()
        expect(drawer(page).locator(".sum")).to_be_visible()
        page.reload()
        expect(page.locator("main .sum")).to_be_visible()
        page.route(re.compile("drawer"), lambda route: held.append(route), times=1)
        page.go_back()
        expect(page.locator("main table.board")).to_be_visible()
        page.go_forward(wait_until="commit")
        is_of(page, "/cells")
        assert page.locator("main .sum").count() == 0
        (script,) = held
        script.fallback()
        expect(page.locator("main .sum")).to_be_visible()


def test_a_number_is_a_link_with_other_keys_buttons_and_without_javascript(
    running: Browser,
) -> None:
    with opened(running, Portal(answers()), "light") as page:
        page.goto(UNIT)
        for given in ({"modifiers": ["Control"]}, {"button": "middle"}):
            with page.context.expect_page() as other:
                page.locator(NUMBER).click(**given)
            other.value.close()
            expect(drawer(page)).to_have_count(0)
        page.locator(NUMBER).click()
        expect(drawer(page).locator(".sum")).to_be_visible()
        drawer(page).get_by_role("link", name="Mở thành trang").click()
        expect(page.locator("main .sum")).to_be_visible()
        expect(drawer(page)).to_have_count(0)
    with opened(running, Portal(answers()), "light", java_script_enabled=False) as page:
        page.goto(UNIT)
        page.locator(NUMBER).click()
        expect(page.locator("main .sum")).to_be_visible()
        is_of(page, "/cells")


def test_what_is_refused_is_explained_in_the_drawer_and_what_is_no_page_is_opened(
    running: Browser,
) -> None:
    def refuse(request: Any) -> Any:
        raise Refused("UNAVAILABLE", "the service says so")

    found = answers(ExplainKpi=refuse)
    with opened(running, Portal(found), "light") as page:
        page.goto(UNIT)
        page.locator(NUMBER).click()
        expect(drawer(page).locator("h1")).to_be_focused()
        is_of(page, "/cells")
        page.keyboard.press("Escape")
        is_of(page, "/units/a")
        page.route("http://portal/cells**", lambda route: route.fulfill(body="too much"))
        page.locator(NUMBER).click()
        expect(page.locator("body")).to_have_text("too much")


def test_the_focus_returns_to_a_number_that_has_changed(running: Browser) -> None:
    with opened(running, Portal(answers()), "light") as page:
        page.goto(UNIT)
        page.locator(NUMBER).click()
        expect(drawer(page).locator(".sum")).to_be_visible()
        page.evaluate("number => document.querySelector(number).outerHTML += ''", NUMBER)
        page.keyboard.press("Escape")
        expect(page.locator(NUMBER)).to_be_focused()


@pytest.mark.parametrize(
    "path", [f"/report?unit=a&{MONTHS}", f"/indicators/KNW-03?unit=a&{MONTHS}"]
)
def test_numbers_of_reports_and_indicators_open_it_too(running: Browser, path: str) -> None:
    with opened(running, Portal(answers()), "light") as page:
        page.goto(path)
        page.locator("a.value").first.click()
        expect(drawer(page).locator(".sum")).to_be_visible()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_with_the_drawer_open(running: Browser, lang: str) -> None:
    small = {"width": 360, "height": 740}
    with opened(running, Portal(answers()), "light", viewport=small) as page:
        page.goto(f"{UNIT}&lang={lang}")
        page.locator(NUMBER).click()
        expect(drawer(page).locator(".sum")).to_be_visible()
        assert drawer(page).bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}
        over = page.evaluate("drawer.scrollWidth - drawer.clientWidth")
        assert over <= 0
        assert in_both_schemes(page) == []
        drawer(page).get_by_role("link", name="Lúa chịu mặn").click()
        expect(drawer(page).locator(".verdict")).to_be_visible()
        assert in_both_schemes(page) == []
