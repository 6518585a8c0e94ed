"""The portal in a real browser: the story of one number, as it is seen and as it changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.e2e.browsing import browser, chromium, visit
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack

UNIT = "vnu/hus/physics"
PERIOD = "from=2025-01&to=2025-07"
LIVE_MS = 30_000

pytestmark = pytest.mark.skipif(
    not chromium(), reason="no Chromium here: apt-get install chromium, and run it again"
)


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as found:
        yield found


def test_a_leader_comes_from_the_overview_to_the_evidence_in_three_clicks(
    stack: RunningStack, running: Browser
) -> None:
    with visit(running, stack, "auditor", "vnu") as page:
        page.goto(f"/?house=university&{PERIOD}")
        expect(page.locator("h1")).to_have_text("Ba đại học so với chỉ tiêu")
        page.get_by_role("link", name="VNU", exact=True).click()
        expect(page.locator("h1")).to_have_text("Đại học Quốc gia Hà Nội")
        page.locator('td[data-cell="vnu|KNW-03"] a.value').click()
        expect(page.locator(".sum")).to_contain_text("cộng lại đúng bằng")
        page.locator("table.works tbody th a").first.click()
        expect(page.locator(".verdict")).to_contain_text("được tính ở đây")
        expect(page.locator("dl.facts").first).to_contain_text("publication")
        page.go_back()
        expect(page.locator(".sum")).to_be_visible()
        page.reload()
        expect(page.locator(".sum")).to_be_visible()


def test_a_change_is_on_the_screen_without_a_reload(stack: RunningStack, running: Browser) -> None:
    with visit(running, stack, "viewer", "consortium") as page:
        page.goto("/?house=university&from=2019-01&to=2019-12")
        expect(page.locator("[data-live]")).to_have_text("trực tiếp", timeout=LIVE_MS)
        cell = page.locator('td[data-cell="vnu|KNW-03"]')
        expect(cell.locator(".value")).to_have_text("0")
        page.evaluate("window.isStillHere = true")
        author, approver = Caller(stack, "vnu", "contributor"), Caller(stack, "vnu", "approver")
        made = author.create(creation(UNIT, article("10.5555/e2e.live", "2019-05-20")))
        expect(cell.locator(".declared")).to_have_text("(1)", timeout=LIVE_MS)
        approver.verify(made.submission_id, made.version)
        expect(cell.locator(".value")).to_have_text("1", timeout=LIVE_MS)
        assert page.evaluate("window.isStillHere")


def test_a_reviewer_moves_by_keys_and_decides(stack: RunningStack, running: Browser) -> None:
    author = Caller(stack, "vnu", "contributor")
    made = author.create(creation(UNIT, article("10.5555/e2e.keys", "2019-06-20")))
    with visit(running, stack, "approver", "vnu") as page:
        page.goto(f"/review?unit={UNIT}")
        item = page.locator(".item").filter(has_text="10.5555/e2e.keys")
        for _ in range(page.locator(".item").count()):
            page.keyboard.press("j")
            if item.locator("summary").evaluate("each => each === document.activeElement"):
                break
        page.keyboard.press("Enter")
        item.get_by_role("button", name="Xác minh").click()
        expect(page.locator(".verdict")).to_contain_text(made.submission_id)


def test_pages_can_be_read_without_javascript_and_on_a_telephone(
    stack: RunningStack, running: Browser
) -> None:
    small = {"width": 360, "height": 740}
    with visit(running, stack, "viewer", "vnu", java_script_enabled=False, viewport=small) as page:
        for path in (f"/?{PERIOD}", f"/units/vnu?{PERIOD}", "/health", "/sign-in"):
            page.goto(path)
            expect(page.locator("h1")).to_be_visible()
        page.goto(f"/?{PERIOD}")
        expect(page.locator('td[data-cell="vnu|TRI-01"] a.value')).to_have_count(1)


def test_no_page_is_wider_than_its_window(stack: RunningStack, running: Browser) -> None:
    narrow, *wider = (ViewportSize(width=width, height=800) for width in (360, 768, 1440, 2560))
    with visit(running, stack, "approver", "vnu", viewport=narrow) as page:
        for path in (f"/?{PERIOD}", f"/units/vnu?{PERIOD}", "/health", "/review", "/sign-in"):
            page.set_viewport_size(narrow)
            page.goto(path)
            for size in (narrow, *wider):
                page.set_viewport_size(size)
                over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (path, size)
