"""The editor in a real browser: a draft is kept as it is written, and nothing becomes two."""

from __future__ import annotations

from playwright.sync_api import APIResponse, Browser, Route, expect

from tests.e2e.browsing import visit
from tests.e2e.running import RunningStack
from tests.e2e.test_portal_browser import UNIT
from tests.waiting import wait_until


def test_a_draft_is_kept_as_it_is_written(stack: RunningStack, running: Browser) -> None:
    with visit(running, stack, "contributor", "vnu") as page:
        page.clock.install()
        page.goto("/submissions/new?type=publication")
        page.locator("[name=unit_id]").fill(UNIT)
        page.locator("[name=title]").fill("Đang viết")
        page.locator("[name=issued_on]").fill("2012-11-20")
        page.clock.fast_forward(3_000)
        expect(page.locator("[data-said]")).to_have_text("Đã lưu nháp.")
        page.reload()
        expect(page.locator("[name=title]")).to_have_value("Đang viết")


def test_what_is_sent_while_a_draft_is_being_kept_is_the_same_submission(
    stack: RunningStack, running: Browser
) -> None:
    held: list[tuple[Route, APIResponse]] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST" and not held:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    with visit(running, stack, "contributor", "vnu") as page:
        page.clock.install()
        page.route("**/submissions/**", hold)
        page.goto("/submissions/new?type=publication")
        page.locator("[name=unit_id]").fill(UNIT)
        page.locator("[name=title]").fill("Đang viết")
        page.locator("[name=issued_on]").fill("2012-11-21")
        page.clock.fast_forward(3_000)
        wait_until(lambda: page.title() and held)
        page.locator("[name=title]").fill("Viết xong")
        page.get_by_role("button", name="Lưu nháp").click()
        ((route, answer),) = held
        submission = answer.json()["address"].partition("?")[0]
        route.fulfill(response=answer)
        expect(page.locator(".verdict")).to_have_text("Đã lưu bản nháp.")
        expect(page.locator("[name=title]")).to_have_value("Viết xong")
        assert page.url.partition("?")[0].endswith(submission)
