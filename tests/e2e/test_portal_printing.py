"""The report of a unit on paper: Chromium prints it, and one A4 page has to be enough."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product

import pytest
from playwright.sync_api import Browser

from tests.e2e.browsing import visit, with_language
from tests.e2e.running import RunningStack

PERIODS = ("from=2025-01&to=2025-07", "from=2025-01&to=2025-12")
"""A running year has forecasts; a past one has longer words."""
LARGE = ["consortium", "vnu", "vnu-hcm", "hust", "vnu/hus"]
"""Units with many units below, some with targets of their own."""
PAGE = re.compile(rb"/Type\s*/Page\b")
UNIT = re.compile(r'data-unit="([^"]+)"')
MORE = re.compile(r'data-more href="(/tree\?at=[^"]+)"')


def pages(stack: RunningStack, running: Browser, units: Sequence[str]) -> dict[str, int]:
    """Address -> number of sheets, of the reports of units over every period in every language."""
    found = {}
    with visit(running, stack, "viewer", "consortium") as page:
        for unit, period, lang in product(units, PERIODS, ("vi", "en")):
            address = with_language(f"/report?unit={unit}&{period}", lang)
            page.goto(address)
            found[address] = len(PAGE.findall(page.pdf(prefer_css_page_size=True)))
    return found


def every_unit(stack: RunningStack, running: Browser) -> list[str]:
    """The ids of all units, as the tree of units leads to them."""
    with visit(running, stack, "viewer", "consortium") as page:
        waiting, read, found = ["/tree"], set[str](), set[str]()
        while waiting:
            address = waiting.pop()
            text = page.request.get(address).text()
            found |= {*UNIT.findall(text)}
            waiting += {*MORE.findall(text)} - read
            read |= {*MORE.findall(text)}
    return sorted(found)


def test_the_report_of_a_large_unit_is_one_sheet(stack: RunningStack, running: Browser) -> None:
    assert {*pages(stack, running, LARGE).values()} == {1}


@pytest.mark.slow
def test_the_report_of_every_unit_is_one_sheet(stack: RunningStack, running: Browser) -> None:
    units = every_unit(stack, running)
    assert len(units) > 50
    assert {a: n for a, n in pages(stack, running, units).items() if n != 1} == {}
