"""The portal of a stack, as a program and as a browser meet it."""

from __future__ import annotations

import asyncio
import csv
import io
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

import html5lib
import httpx
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.running import RunningStack
from tests.node.packages import packages
from tests.unit.portal.answered import Portal

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PERIOD = {"from": "2025-01", "to": "2025-07"}
MONTHS = "from=2025-01&to=2025-07"
PAGES = {
    "overview": f"/?{MONTHS}",
    "unit": f"/units/vnu?{MONTHS}",
    "tree": "/tree",
    "indicator": f"/indicators/KNW-03?unit=vnu&{MONTHS}",
    "cell": f"/cells?unit=vnu&indicator=KNW-03&{MONTHS}",
    "work": f"/works?unit=vnu&indicator=KNW-03&work=doi:10.5555/none&{MONTHS}",
    "agreement": f"/agreement?{MONTHS}",
    "partners": f"/partners?{MONTHS}",
    "overlaps": f"/overlaps?{MONTHS}",
    "report": f"/report?unit=vnu&{MONTHS}",
    "editions": "/editions",
    "inbox": "/inbox",
    "subscription": "/subscription",
    "health": "/health",
    "submissions": "/submissions",
    "import": "/import",
    "editor": "/submissions/new?type=publication",
    "review": "/review",
    "sign-in": "/sign-in",
}
"""Name -> address of each page. Who sees all of it is in `SEEN_BY`, else a contributor."""
SEEN_BY = {
    "review": ("approver", "vnu"),
    "overview": ("viewer", "consortium"),
    "unit": ("viewer", "consortium"),
}
PLAIN = ["--disable-gpu", "--in-process-gpu"]
"""Nobody looks at what is drawn: pretending to have a graphics card takes a third more CPU."""
LANGUAGES = ("vi", "en")
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ASK_AXE = """
async rules => {
  const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
  const told = ({id, help, nodes}) => [id, help, nodes.map(each => each.target)];
  return {passes: found.passes.length, violations: found.violations.map(told)};
}
"""
"""Every rule is asked of every node; to describe those that pass, too, took as long again."""
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


STEP_SECONDS = 0.5
"""A step of the portal's event loop that takes longer, in processor time, waits for something.

That none takes over 50 ms on a machine of its own is for `make bench`."""


def long_steps(stack: RunningStack) -> float:
    """How many steps of the portal's event loop have taken longer than they may."""
    text = httpx.get(f"http://{stack.stack.processes['portal'].http}/metrics").text
    name = "kieng_portal_loop_blocked_seconds"
    counts = {
        sample.labels.get("le", "all"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name in (f"{name}_bucket", f"{name}_count")
    }
    return counts["all"] - counts[str(STEP_SECONDS)]


def chromium() -> str:
    """Path of the system's browser; empty if there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), "")


def address(stack: RunningStack) -> str:
    """Base URL of the portal."""
    return f"http://{stack.stack.processes['portal'].web}"


def rows_of(answer: httpx.Response) -> list[list[str]]:
    """The headings and rows of a CSV file."""
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))


class Visitor:
    """Somebody without a browser, who follows no redirect and whose every page must be HTML."""

    def __init__(self, stack: RunningStack) -> None:
        # No connection outlives its answer, so none is left open when the test ends.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=address(stack), timeout=30.0, limits=limits)

    def get(self, path: str, **query: str) -> httpx.Response:
        """Ask for a page; what is HTML must be valid enough for the parser's strict mode."""
        answer = self.client.get(path, params=query)
        if answer.headers.get("content-type", "").startswith("text/html") and answer.text:
            html5lib.HTMLParser(strict=True).parse(answer.text)
        return answer

    def csrf(self, path: str = "/sign-in") -> str:
        """The token that forms of this session carry."""
        found = CSRF.search(self.get(path).text)
        assert found is not None
        return found[1]

    def post(self, path: str, **form: Any) -> httpx.Response:
        """Send a form with the token of this session, unless it names another."""
        return self.client.post(path, data={"csrf": self.csrf(), **form})

    def sign_in(self, role: str, unit: str) -> httpx.Response:
        """Sign in by the picker."""
        return self.post("/sign-in", role=role, unit=unit, next="/")


@contextmanager
def browser() -> Iterator[Browser]:
    """The system's browser, headless."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium(), args=PLAIN)
        try:
            yield running
        finally:
            running.close()


def is_trouble(message: ConsoleMessage) -> bool:
    """Whether the browser complains; that a session has ended is an answer, and no trouble."""
    return message.type == "error" and "status of 401" not in message.text


@contextmanager
def visit(
    running: Browser, stack: RunningStack, role: str, unit: str, **given: Any
) -> Iterator[Page]:
    """A window in which somebody has signed in; what the browser complains about fails the test.

    The form of the picker is sent without a window: to draw the page of it, and the overview behind
    it, took as much as most stories. `sign_in` does it as people do.
    """
    context = running.new_context(base_url=address(stack), locale="vi-VN", **given)
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if is_trouble(m) else None)
    try:
        found = CSRF.search(context.request.get("/sign-in").text())
        assert found is not None
        form = {"csrf": found[1], "role": role, "unit": unit, "next": "/"}
        assert context.request.post("/sign-in", form=form, max_redirects=0).status == 303
        yield page
        assert complaints == []
    finally:
        context.close()


KEPT = ("content-type", "content-security-policy", "location")
"""Headers that matter for what a page does."""


async def fetched(portal: Portal, url: str) -> httpx.Response:
    """What a portal of this process answers to a request for an address."""
    async with portal.client() as client:
        return await client.get(url)


@contextmanager
def opened(running: Browser, portal: Portal, scheme: Any, **given: Any) -> Iterator[Page]:
    """A window whose every request this process answers, at http://portal."""
    # Playwright has an event loop of its own in this thread.
    with ThreadPoolExecutor(1) as beside:

        def fulfill(route: Route) -> None:
            answer = beside.submit(asyncio.run, fetched(portal, route.request.url)).result()
            headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
            route.fulfill(status=answer.status_code, headers=headers, body=answer.content)

        context = running.new_context(color_scheme=scheme, base_url="http://portal", **given)
        page = context.new_page()
        page.route("http://portal/**", fulfill)
        yield page
        context.close()


def sign_in(page: Page, role: str, unit: str) -> None:
    """Sign in by the picker of the page that is open."""
    picker = page.locator("form.ask").filter(has=page.locator("select"))
    picker.locator("select").select_option(role)
    picker.locator("input[name=unit]").fill(unit)
    picker.locator("button").click()
    page.wait_for_selector(".subject", state="attached")


def with_language(path: str, lang: str) -> str:
    """The address of a page in a language."""
    return path if lang == "vi" else f"{path}{'&' if '?' in path else '?'}lang={lang}"


def in_both_schemes(page: Page) -> list[tuple[str, str, list[str]]]:
    """The same by day and by night, on one page: to open it takes longer than to read it twice."""
    found = []
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        found += violations(page)
    return found


def violations(page: Page) -> list[tuple[str, str, list[str]]]:
    """What axe finds on the page that is open: rule, help, and where, for up to three places."""
    page.evaluate((packages() / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    answer = page.evaluate(ASK_AXE, RULES)
    assert answer["passes"]
    return [(name, said, places[:3]) for name, said, places in answer["violations"]]
