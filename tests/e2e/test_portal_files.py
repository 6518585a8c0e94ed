"""Every table of every page of a running stack is also a file: of the same rows and state."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import html5lib
import httpx
import pytest

from tests.e2e.browsing import PAGES, SEEN_BY, Visitor, rows_of
from tests.e2e.running import RunningStack

MORE = "unit=vnu&indicator=KNW-03&from=2025-01&to=2025-07"
WITH_MORE_TABLES = {
    "unit in both trees": "/units/vnu?from=2025-01&to=2025-07&trees=1",
    "unit without targets": "/units/vnu/hus?from=2025-01&to=2025-07",
    "cell with changes": f"/cells?{MORE}&since=2025-01-01",
    "cell without a work": f"/cells?{MORE}&work=doi:10.5555/none",
}
"""Name -> address of pages that show tables which the page of that address alone does not."""
FILE = re.compile("[?&]file=(csv|xlsx)|^/tables/board")


def files_of(text: str) -> Iterator[tuple[Any, list[str]]]:
    """Each table of a page, and the addresses of the files between it and the table before."""
    files: list[str] = []
    for each in html5lib.parse(text, namespaceHTMLElements=False).iter():
        if each.tag == "a" and FILE.search(each.get("href")):
            files.append(each.get("href"))
        elif each.tag == "table":
            yield each, files
            files = []


# What changed a number replays the log twice for the page and for each of its files.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "cell with changes" else ())
        for name in (*PAGES, *WITH_MORE_TABLES)
    ],
)
def test_every_table_of_every_page_is_a_file_of_the_same_rows(
    stack: RunningStack, name: str
) -> None:
    """Also of the same state, which every row of a file names, and the page does."""
    path = {**PAGES, **WITH_MORE_TABLES}[name]
    visitor = Visitor(stack)
    visitor.sign_in(*SEEN_BY.get(name, ("contributor", "vnu/hus")))
    get = visitor.client.get
    page = get(path)
    assert page.status_code == 200
    view = re.search(r"data-view>([^<]+)<", page.text)
    for table, files in files_of(page.text):
        if "compare" in table.get("class", ""):
            continue  # two versions of one submission
        assert len(files) == 2, f"{name}: {''.join(table.itertext())[:80]!r} is no file"
        found, book = map(get, files)
        assert book.content.startswith(b"PK")
        lines = rows_of(found)[1:]
        if "report-table" in table.get("class", ""):
            lines = lines[: lines.index([])] if [] in lines else lines
        assert len({len(line) for line in lines}) == 1
        if view and "report" not in name:
            assert {line[lines_view(found)] for line in lines} == {view[1]}
        shown = [row for body in table.iter("tbody") for row in body.iter("tr")]
        if table.get("class") not in ("board", "matrix", "report-table", "ranks"):
            assert len(lines) >= len(shown)


def lines_view(found: httpx.Response) -> int:
    """Which column of a file names the view."""
    return rows_of(found)[0].index("bảng số liệu")
