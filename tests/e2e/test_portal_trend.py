"""The trend of an indicator in a browser: its lines, its cursor, and the picture that paper has."""

from __future__ import annotations

from functools import partial

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.browsing import LANGUAGES, in_both_schemes, opened
from tests.unit.portal.answered import PERIOD, Answers, Portal, both_trees
from tests.unit.portal.pages.test_trends import kpis, slow

MONTHS = "&".join(f"{name}={month}" for name, month in PERIOD.items())
TREND = f"/indicators/KNW-03?unit=a&{MONTHS}"
COLOURS = """() => {
  const canvas = document.querySelector(".uplot canvas");
  const drawn = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(drawn.data.buffer)).size;
}"""


def large() -> Portal:
    """Large amounts below a target, in the tree as it was alone."""
    target = 24_000_000_000
    return Portal(Answers(GetKpis=partial(kpis, target=target), CompareTrees=slow))


def value(page: Page, name: str) -> Locator:
    return page.locator(f"[data-key={name}] .at")


def test_the_cursor_tells_the_values_of_a_month_by_pointer_and_by_keys(running: Browser) -> None:
    answers = Answers(GetKpis=partial(kpis, value=5), CompareTrees=partial(both_trees, moved=1_000))
    with opened(running, Portal(answers), "light") as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(TREND)
        month = page.locator("[data-month]")
        # Without a cursor it is the last month.
        expect(month).to_have_text("2025-07")
        expect(value(page, "now")).to_have_text("5")
        page.locator(".u-over").hover(position={"x": 1, "y": 50})
        expect(month).to_have_text("2023-08")
        expect(value(page, "verified")).to_have_text("5")
        expect(value(page, "now")).to_have_text("1.005")
        page.locator("h1").hover()
        expect(month).to_have_text("2025-07")
        page.locator("[data-trend]").focus()
        for key, text in {
            "ArrowLeft": "2025-07",
            "Home": "2023-08",
            "ArrowRight": "2023-09",
        }.items():
            page.keyboard.press(key)
            expect(month).to_have_text(text)
        page.keyboard.press("End")
        expect(month).to_have_text("2025-07")
        # All that was drawn was drawn under the policy of the page.
        assert page.evaluate(COLOURS) > 3
        assert complaints == []


def test_amounts_are_written_as_everywhere_and_the_numbers_stand_beside(running: Browser) -> None:
    with opened(running, large(), "light", viewport={"width": 360, "height": 740}) as page:
        page.goto(TREND)
        expect(value(page, "verified")).to_have_text("1,2 tỷ")
        expect(page.locator(".target-key")).to_contain_text("24 tỷ, chia đều mỗi tháng 2 tỷ")
        drawn = page.locator(".uplot").bounding_box()
        assert drawn is not None
        assert drawn["width"] <= 360
        page.set_viewport_size({"width": 900, "height": 740})
        expect(page.locator(".uplot canvas")).to_have_css("width", "850px")
        page.get_by_text("Xem bằng số").press("Enter")
        expect(page.locator("main details table")).to_contain_text("1.234.567.890")


def test_paper_and_readers_without_javascript_have_the_picture(running: Browser) -> None:
    with opened(running, large(), "light") as page:
        page.goto(TREND)
        expect(page.locator(".uplot")).to_be_visible()
        expect(page.locator("svg.chart")).to_be_hidden()
        page.emulate_media(media="print")
        expect(page.locator(".uplot")).to_be_hidden()
        expect(page.locator("svg.chart")).to_be_visible()
    with opened(running, large(), "light", java_script_enabled=False) as page:
        page.goto(TREND)
        expect(page.locator("svg.chart .target-line")).to_have_count(1)
        expect(page.locator("svg.chart")).to_be_visible()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_axe_finds_nothing_where_a_trend_is_drawn(running: Browser, lang: str) -> None:
    with opened(running, large(), "light") as page:
        page.goto(f"{TREND}&lang={lang}")
        expect(page.locator(".uplot[role=img]")).to_be_visible()
        assert in_both_schemes(page) == []
