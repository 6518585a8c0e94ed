"""`make screenshots`: a picture of every page, in both languages and modes, wide and narrow.

Starts a stack with a part of the demo's data, and writes docs/portal/NAME-LANG-MODE-WIDTH.webp.
With arguments, `python -m tests.e2e.screenshots NAME...` takes only those pages.
"""

from __future__ import annotations

import base64
import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import sample
from tests.e2e.browsing import PAGES, SEEN_BY, browser, chromium, visit, with_language
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack

FOLDER = Path(__file__).parents[2] / "docs" / "portal"
SIZES = {"wide": (1280, 800), "narrow": (390, 780)}
QUALITY = 55
UNIT = "vnu/hus/physics"


def picture(page: Page, path: Path) -> None:
    """Write what the window shows."""
    given = {"format": "webp", "quality": QUALITY}
    # Before its first frame a page has no picture.
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    session = page.context.new_cdp_session(page)
    answer = session.send("Page.captureScreenshot", given)
    session.detach()
    path.write_bytes(base64.b64decode(answer["data"]))


def show(page: Page, name: str, lang: str) -> None:
    """Open a page, and wait for what its scripts add; `drawer` is the first number of a unit."""
    page.goto(with_language(PAGES["unit" if name == "drawer" else name], lang))
    if name == "indicator":
        expect(page.locator(".uplot")).to_be_visible()
    if name == "drawer":
        page.locator("table.board a.value").first.click()
        expect(page.get_by_role("dialog").locator(".sum")).to_be_visible()


def take(stack: RunningStack, folder: Path, wanted: Sequence[str]) -> None:
    """Write the pictures of some pages; one window for each size, mode and role."""
    folder.mkdir(exist_ok=True)
    seen_by: dict[tuple[str, str], list[str]] = {}
    for name in wanted:
        seen_by.setdefault(SEEN_BY.get(name, ("contributor", "vnu")), []).append(name)
    with browser() as running:
        for (width, size), mode in product(SIZES.items(), ("light", "dark")):
            look: Any = {"viewport": dict(zip(("width", "height"), size, strict=True))}
            for who, names in seen_by.items():
                with visit(running, stack, *who, color_scheme=mode, **look) as page:
                    for name, lang in product(names, ("vi", "en")):
                        show(page, name, lang)
                        picture(page, folder / f"{name}-{lang}-{mode}-{width}.webp")


def main() -> int:
    """Start a stack, take the pictures, and stop it."""
    if not chromium():
        print("no Chromium here: apt-get install chromium", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        files = Path(name) / "sample"
        sample.write(files)
        stack = RunningStack(Path(name), "embedded", {})
        try:
            stack.start("demo", "--files", str(files), until="kieng doctor")
            author, approver = Caller(stack, "vnu", "contributor"), Caller(stack, "vnu", "approver")
            for number in range(3):
                facts = article(f"10.5555/picture.{number}", f"2025-03-1{number}")
                facts.publication.title = f"Bài báo minh họa {number + 1}"
                made = author.create(creation(UNIT, facts))
            approver.verify(made.submission_id, made.version)
            take(stack, FOLDER, sys.argv[1:] or [*PAGES, "drawer"])
        finally:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
