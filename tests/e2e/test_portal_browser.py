"""The portal in a real browser: the story of one number, as it is seen and as it changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, FilePayload, Page, ViewportSize, expect

from tests.e2e.browsing import (
    LANGUAGES,
    PAGES,
    in_both_schemes,
    sign_in,
    violations,
    visit,
    with_language,
)
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack

UNIT = "vnu/hus/physics"
PERIOD = "from=2025-01&to=2025-07"
LIVE_MS = 30_000


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
        expect(page.get_by_role("dialog").locator(".verdict")).to_contain_text("được tính ở đây")
        expect(page.locator("dl.facts").first).to_contain_text("công bố khoa học")
        page.go_back()
        expect(page.locator(".sum")).to_be_visible()
        page.reload()
        expect(page.locator(".sum")).to_be_visible()


def test_a_number_of_an_ended_session_leads_to_the_sign_in_and_from_there_to_its_page(
    stack: RunningStack, running: Browser
) -> None:
    with visit(running, stack, "auditor", "vnu") as page:
        # Not on a live page, whose stream complains, too.
        page.goto(f"/indicators/KNW-03?unit=vnu&{PERIOD}")
        page.context.clear_cookies()
        page.locator("a.value").first.click()
        page.wait_for_url("**/sign-in?*")
        sign_in(page, "auditor", "vnu")
        expect(page.locator("main .sum")).to_contain_text("cộng lại đúng bằng")


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


def test_a_reviewer_decides_by_keys_alone(stack: RunningStack, running: Browser) -> None:
    author = Caller(stack, "vnu", "contributor")
    made = author.create(creation(UNIT, article("10.5555/e2e.keys", "2019-06-20")))
    with visit(running, stack, "approver", "vnu") as page:
        page.clock.install()
        page.goto(f"/review?unit={UNIT}")
        item = page.locator(".item").filter(has_text="10.5555/e2e.keys")
        for _ in range(page.locator(".item").count()):
            page.keyboard.press("j")
            if item.locator("summary").evaluate("each => each === document.activeElement"):
                break
        page.keyboard.press("Enter")
        verify = item.get_by_role("button", name="Xác minh", exact=True)
        while not verify.evaluate("each => each === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(item.get_by_role("button", name="Hoàn tác")).to_be_focused()
        page.keyboard.press("Enter")
        assert author.read(made.submission_id).state == made.state
        expect(verify).to_be_focused()
        page.keyboard.press("Enter")
        page.clock.fast_forward(10_000)
        expect(page.locator(".verdict")).to_contain_text("(đã xác minh)")
        page.keyboard.press("?")
        expect(page.locator("dialog.keys")).to_be_visible()


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


def choose(page: Page, words: str, unit: str) -> None:
    """Open the tree of units, search it and choose a unit, all by keys."""
    page.get_by_role("link", name="Chọn đơn vị…").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("[name=q]")).to_be_focused()
    page.keyboard.type(words)
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("status")).to_be_visible()
    dialog.locator(f'[data-unit="{unit}"]').press("Enter")


def test_a_unit_is_chosen_by_the_keyboard(stack: RunningStack, running: Browser) -> None:
    with visit(running, stack, "contributor", "vnu") as page:
        page.goto(f"/units/vnu?{PERIOD}")
        choose(page, "khoa hoc tu nhien", "vnu/hus")
        expect(page.locator("h1")).to_have_text("Trường Đại học Khoa học Tự nhiên")
        page.goto("/submissions/new?type=publication")
        choose(page, "khoa hoc tu nhien", "vnu/hus")
        expect(page.locator("[name=unit_id]")).to_have_value("vnu/hus")
        expect(page.locator("[name=unit_id]")).to_be_focused()


def test_no_page_is_wider_than_its_window(stack: RunningStack, running: Browser) -> None:
    # The smallest windows of both layouts (portal.css has one up to 640 pixels), and a large one.
    sizes = [ViewportSize(width=width, height=800) for width in (360, 641, 2560)]
    with visit(running, stack, "approver", "vnu") as page:
        for path in PAGES.values():
            page.set_viewport_size(sizes[0])
            page.goto(path)
            for size in sizes:
                if size != page.viewport_size:
                    page.set_viewport_size(size)
                over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
                assert over <= 0, (path, size)


ASKED = {
    **PAGES,
    "trees": f"/units/vnu?house=university&trees=1&{PERIOD}",
    "classifications": f"/indicators/KNW-01?unit=vnu&trees=1&{PERIOD}",
    "changes": f"/cells?unit=vnu&indicator=KNW-03&since=2025-06-01&{PERIOD}",
    "longer": "/units/vnu?from=2023-01&to=2025-07",
}
"""The pages, and what they show when it is asked for."""
EVERY = {"contributor": tuple(ASKED), "approver": ("review",)}
SHAPES = [
    ("vi", "light", {"contributor": ("overview", "cell", "editor")}),
    ("en", "dark", {"contributor": ("unit", "sign-in"), "approver": ("review",)}),
]
"""Pages with all that pages are made of: tables, pictures, forms, and lists to decide on."""


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_on_any_page(stack: RunningStack, running: Browser, lang: str) -> None:
    look(stack, running, lang, "light", EVERY, in_both_schemes)


@pytest.mark.parametrize(("lang", "scheme", "seen_by"), SHAPES)
def test_axe_finds_nothing_on_a_page_of_each_shape(
    stack: RunningStack,
    running: Browser,
    lang: str,
    scheme: Any,
    seen_by: Mapping[str, tuple[str, ...]],
) -> None:
    look(stack, running, lang, scheme, seen_by, violations)


def look(
    stack: RunningStack,
    running: Browser,
    lang: str,
    scheme: Any,
    seen_by: Mapping[str, tuple[str, ...]],
    wrong: Callable[[Page], list[tuple[str, str, list[str]]]],
) -> None:
    """Let axe read pages as those see them who have a role."""
    found = {}
    for role, names in seen_by.items():
        with visit(running, stack, role, "vnu", color_scheme=scheme) as page:
            for name in names:
                page.goto(with_language(ASKED[name], lang))
                assert page.evaluate("document.documentElement.lang") == lang
                found[role, name] = wrong(page)
    assert {name: each for name, each in found.items() if each} == {}


IMPORTED = """Mã của chúng tôi,unit_id,number,received_on,amount_vnd,evidence_sha256
browser-{year}-1,vnu/hus/physics,e2e-{year}-1,{year}-03-01,1500000,{proof}
browser-{year}-2,vnu/hus/physics,e2e-{year}-2,ngày mai,1500000,{proof}
"""


@pytest.mark.parametrize(("has_scripts", "year"), [(True, 2010), (False, 2011)])
def test_a_file_with_errors_is_mapped_tried_imported_and_mended(
    stack: RunningStack, running: Browser, has_scripts: bool, year: int
) -> None:
    text = IMPORTED.format(proof="0" * 64, year=year)
    file = FilePayload(name="receipt.csv", mimeType="text/csv", buffer=text.encode())
    with visit(running, stack, "contributor", "vnu", java_script_enabled=has_scripts) as page:
        page.goto("/import")
        page.locator("[name=file]").set_input_files(file)
        page.get_by_role("button", name="Kiểm tra tệp").click()
        page.get_by_label("Cột: Mã của chúng tôi").select_option("record_id")
        page.get_by_role("button", name="Kiểm tra lại").click()
        expect(page.locator("mark")).to_have_text("ngày mai")
        expect(page.locator("body")).to_contain_text("DIG-02")
        with page.expect_download() as downloading:
            page.get_by_role("button", name="Tải các dòng bị từ chối").click()
        refused = downloading.value.path().read_text(encoding="utf-8-sig")
        page.get_by_role("button", name="Nhập 1 dòng").click()
        expect(page.locator(".verdict")).to_have_text("Đã nhập receipt.csv")
        page.goto("/import")
        mended = refused.replace("ngày mai", f"{year}-03-02").replace(
            "Mã của chúng tôi", "record_id"
        )
        page.locator("[name=file]").set_input_files(
            FilePayload(name="receipt.csv", mimeType="text/csv", buffer=mended.encode())
        )
        page.get_by_role("button", name="Kiểm tra tệp").click()
        page.get_by_role("button", name="Nhập 1 dòng").press("Enter")
        expect(page.locator(".verdict")).to_have_text("Đã nhập receipt.csv")


@pytest.mark.slow
@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_in_the_steps_of_an_import(
    stack: RunningStack, running: Browser, lang: str
) -> None:
    year = 1980 + LANGUAGES.index(lang)
    text = IMPORTED.format(proof="0" * 64, year=year)
    file = FilePayload(name="receipt.csv", mimeType="text/csv", buffer=text.encode())
    with visit(running, stack, "contributor", "vnu", color_scheme="light") as page:
        page.goto(with_language("/import", lang))
        page.locator("[name=file]").set_input_files(file)
        page.locator("form.editor button").first.click()
        expect(page.locator("select")).not_to_have_count(0)
        assert in_both_schemes(page) == []
        page.locator("select").first.select_option("record_id")
        page.get_by_role("button", name="Kiểm tra lại" if lang == "vi" else "Check again").click()
        expect(page.locator("mark")).to_have_text("ngày mai")
        assert in_both_schemes(page) == []


def test_a_form_outlives_its_session(stack: RunningStack, running: Browser) -> None:
    with visit(running, stack, "contributor", "vnu") as page:
        page.goto("/subscription")
        page.locator("[name=units]").fill("vnu/uet")
        page.context.clear_cookies()
        page.get_by_role("button", name="Lưu").click()
        expect(page.locator("h1")).to_contain_text("nội dung vẫn còn")
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Đăng nhập trong thẻ mới").click()
        other = opened.value
        sign_in(other, "contributor", "vnu")
        other.close()
        page.get_by_role("button", name="Gửi lại").click()
        expect(page.locator(".verdict")).to_have_text("Đã lưu.")
        expect(page.locator("[name=units]")).to_have_value("vnu/uet")
