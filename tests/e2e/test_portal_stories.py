"""The portal in a real browser: one submission in many hands, and habits that break web pages."""

from __future__ import annotations

import re
from uuid import uuid4

from playwright.sync_api import Browser, Page, expect

from tests.e2e.browsing import Visitor, visit
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack

UNIT = "vnu/hus/physics"
DOI = "10.5555/e2e.story"
YEAR = "from=2009-01&to=2009-12"
LIVE_MS = 30_000
UNDO_MS = 10_000
VOLATILE = re.compile(r'value="[\w=-]{40,}"')
"""What forms of a page carry, and what differs each time."""


def decide(page: Page, doi: str, decision: str, reason: str = "") -> None:
    """Decide about a submission in the queue, and let the time to take it back pass."""
    page.clock.install()
    page.goto(f"/review?unit={UNIT}")
    item = page.locator(".item").filter(has_text=doi)
    item.locator("summary").click()
    item.locator("[name=reason]").fill(reason)
    item.get_by_role("button", name=decision, exact=True).click()
    page.clock.fast_forward(UNDO_MS)
    expect(page.locator(".verdict").filter(has_not=page.locator("button"))).to_have_count(1)


def test_one_submission_passes_through_four_roles_of_two_universities(
    stack: RunningStack, running: Browser
) -> None:
    number = 'td[data-cell="consortium|KNW-03"] .value'
    with visit(running, stack, "auditor", "hust") as leader:
        leader.goto(f"/?house=university&{YEAR}")
        expect(leader.locator("[data-live]")).to_have_text("trực tiếp", timeout=LIVE_MS)
        expect(leader.locator(number)).to_have_text("0")
        with visit(running, stack, "contributor", "vnu/hus") as author:
            author.goto("/submissions/new?type=publication")
            author.locator("[name=unit_id]").fill(UNIT)
            author.locator("[name=title]").fill("Bản đầu")
            author.locator("[name=doi]").fill(DOI)
            author.locator("[name=issued_on]").fill("2009-05-20")
            author.get_by_label("Scopus", exact=True).check()
            author.locator("[name=evidence_title]").first.fill("minh chứng giả định")
            author.locator("[name=evidence_sha256]").first.fill("0" * 64)
            author.locator("button[value=submit]").click()
            expect(author.locator(".verdict")).to_be_visible()
            with visit(running, stack, "reviewer", "vnu/hus") as reviewer:
                decide(reviewer, DOI, "Trả lại", "thiếu nhan đề")
            author.reload()
            expect(author.locator("[data-reason]")).to_contain_text("thiếu nhan đề")
            author.locator("[name=title]").fill("Nhan đề đầy đủ")
            author.locator("button[value=submit]").click()
            expect(author.locator(".verdict")).to_be_visible()
            mine = author.url.partition("?")[0]
        with visit(running, stack, "approver", "vnu") as approver:
            decide(approver, DOI, "Xác minh")
        expect(leader.locator(number)).to_have_text("1", timeout=LIVE_MS)
        # The other university sees the number and the work, and not what was handed in.
        leader.locator('td[data-cell="consortium|KNW-03"] a.value').click()
        expect(leader.locator("table.works")).to_contain_text(DOI)
        answer = leader.request.get(mine)
        assert answer.status == 404


def test_an_address_of_another_university_is_as_if_there_were_nothing(stack: RunningStack) -> None:
    made = Caller(stack, "vnu", "contributor").create(
        creation(UNIT, article("10.5555/e2e.theirs", "2009-06-20"))
    )
    stranger = Visitor(stack)
    stranger.sign_in("contributor", "hust")
    absent = str(uuid4())
    for path in ("/submissions/{}", "/submissions/new?like={}"):
        theirs, none = (
            stranger.client.get(path.format(each)) for each in (made.submission_id, absent)
        )
        assert (theirs.status_code, none.status_code) == (404, 404), path
        said = VOLATILE.sub("", theirs.text.replace(made.submission_id, absent))
        assert said == VOLATILE.sub("", none.text)
    queue = Visitor(stack)
    queue.sign_in("approver", "hust")
    assert made.submission_id not in queue.get("/review", unit=UNIT).text


def test_two_tabs_do_not_overwrite_each_other(stack: RunningStack, running: Browser) -> None:
    with visit(running, stack, "contributor", "vnu/hus") as first:
        first.goto("/submissions/new?type=publication")
        first.locator("[name=unit_id]").fill(UNIT)
        first.locator("[name=title]").fill("Một")
        first.locator("[name=doi]").fill("10.5555/e2e.tabs")
        first.locator("[name=issued_on]").fill("2009-07-20")
        first.get_by_role("button", name="Lưu nháp").click()
        expect(first.locator(".verdict")).to_be_visible()
        second = first.context.new_page()
        second.goto(first.url)
        for tab, title in ((first, "Hai"), (second, "Ba")):
            tab.locator("[name=title]").fill(title)
            tab.get_by_role("button", name="Lưu nháp").click()
        # The later one is told, and nothing of it is lost; what the first one kept stays.
        expect(second.locator("[role=alert]")).to_contain_text("bản 2")
        expect(second.locator("[name=title]")).to_have_value("Ba")
        first.reload()
        expect(first.locator("[name=title]")).to_have_value("Hai")
        first.goto("/submissions")
        first.go_back()
        expect(first.locator("[name=title]")).to_have_value("Hai")


def focused(page: Page) -> str:
    """Text of what has the focus."""
    return str(page.evaluate("document.activeElement.innerText"))


def test_a_queue_is_emptied_by_keys_alone(stack: RunningStack, running: Browser) -> None:
    author, unit = Caller(stack, "vnu", "contributor"), "vnu/hus/chemistry"
    dois = [f"10.5555/e2e.keys.{name}" for name in ("one", "two", "three")]
    for doi in dois:
        author.create(creation(unit, article(doi, "2009-08-20")))
    with visit(running, stack, "approver", "vnu") as page:
        page.clock.install()
        page.goto(f"/review?unit={unit}")
        keys = page.keyboard
        reason = page.locator(".item[open] [name=reason]:visible")
        keys.press("j")
        assert dois[0] in focused(page)
        # What is closed is opened first; a reason is for a return, and Enter verifies nothing.
        keys.press("r")
        keys.type("thiếu trang bìa")
        keys.press("Enter")
        assert focused(page) == "Trả lại"
        keys.press("Enter")
        assert focused(page) == "Hoàn tác"
        keys.press("u")
        expect(reason).to_have_value("thiếu trang bìa")
        page.locator("button[value=return]:visible").last.press("Enter")
        page.clock.fast_forward(UNDO_MS)
        expect(page.locator(".queue .verdict").first).to_contain_text("(trả lại)")
        # The focus goes on to the next one, and the keys still work.
        expect(page.locator(".item > summary").first).to_be_focused()
        assert dois[1] in focused(page)
        keys.press("v")
        keys.press("v")
        page.clock.fast_forward(UNDO_MS)
        expect(page.locator(".queue .verdict").nth(1)).to_contain_text("(đã xác minh)")
        assert dois[2] in focused(page)
        keys.press("k")
        assert dois[2] in focused(page)
        # Without a reason nothing is sent, and its field says so at once.
        page.locator(".item > summary").press("Enter")
        page.locator(".item[open] button[value=return]").press("Enter")
        expect(page.locator("[data-taken-back]")).to_have_count(0)
        assert page.evaluate("document.activeElement.name") == "reason"
        assert page.evaluate("document.activeElement.validationMessage")
        keys.press("Escape")
        page.locator(".item > summary").focus()
        keys.press("v")
        page.clock.fast_forward(UNDO_MS)
        expect(page.locator(".queue .verdict").nth(2)).to_contain_text("(đã xác minh)")
