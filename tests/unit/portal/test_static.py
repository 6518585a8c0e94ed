"""Files of the pages: what they are made of, their weight, how long they hold."""

from __future__ import annotations

import asyncio
import gzip
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from services.portal.pieces import STATIC, static
from services.portal.texts import texts
from services.texts import Lang
from tests.unit.portal.answered import PERIOD, Answers, Portal

ROOT = Path(__file__).parents[3]
FONTS = ("BeVietnamPro-Regular.woff", "BeVietnamPro-SemiBold.woff")
PICTURES = set("✓●▼▲■→←…↑↓\n")
"""Signs that stand for a picture; the fonts of every system have them."""
PARTS = re.compile(r'(?:href|src)="(/static/[^"]+|/favicon.ico)"')
FIRST_PAGE_MAX = 120 * 1024


def test_libraries_are_those_that_are_pinned_and_fonts_are_made_of_pinned_ones() -> None:
    done = subprocess.run(
        [sys.executable, "deploy/web_files.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")
    licences = {"OFL.txt": "SIL Open Font License", "vendor/htmx-LICENSE.txt": "Zero-Clause BSD"}
    licences["vendor/uPlot-LICENSE.txt"] = "The MIT License"
    for name, words in licences.items():
        assert words in (STATIC / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FONTS)
def test_digits_are_of_one_width_and_all_letters_of_the_pages_are_there(name: str) -> None:
    font = TTFont(STATIC / name)
    letters = font.getBestCmap()
    rules = font["GSUB"].table
    assert [each.FeatureTag for each in rules.FeatureList.FeatureRecord] == ["tnum"]
    forms = rules.LookupList.Lookup[0].SubTable[0].mapping
    assert sorted(forms) == sorted(letters[ord(digit)] for digit in "0123456789")
    assert len({font["hmtx"][form][0] for form in forms.values()}) == 1
    used = {ord(letter) for lang in Lang for text in texts(lang).values() for letter in text}
    assert {chr(letter) for letter in used - letters.keys()} <= PICTURES


def test_the_stylesheet_names_each_font_by_its_content() -> None:
    named = re.findall(r'url\("([^"]+)"\)', (STATIC / "portal.css").read_text(encoding="utf-8"))
    assert [f"/static/{each}" for each in named] == [static(name) for name in FONTS]


def test_a_file_is_kept_for_good_if_it_is_asked_for_by_its_content() -> None:
    portal = Portal(Answers())
    name = FONTS[0]

    async def asked() -> list[str]:
        paths = (static(name), f"/static/{name}", f"/static/{name}?v=other")
        async with portal.client() as client:
            answers = [await client.get(path) for path in paths]
        assert {each.status_code for each in answers} == {200}
        assert {each.headers["content-type"] for each in answers} == {"font/woff"}
        return [each.headers.get("cache-control", "") for each in answers]

    assert asyncio.run(asked()) == ["public, max-age=31536000, immutable", "", ""]


def test_the_first_page_weighs_little_with_everything() -> None:
    page = asyncio.run(Portal(Answers()).get("/", **PERIOD)).text
    parts = [part.partition("?")[0] for part in PARTS.findall(page)]
    assert "/static/portal.css" in parts
    files = [
        STATIC / part.removeprefix("/static/") for part in parts if part.startswith("/static/")
    ]
    files += [STATIC / name for name in FONTS] + [STATIC / "icon.svg"]
    contents = [page.encode(), *(each.read_bytes() for each in files)]
    assert sum(len(gzip.compress(each, 6)) for each in contents) < FIRST_PAGE_MAX
    assert page.count('rel="stylesheet"') == 1
    assert not any("uPlot" in part for part in parts)
