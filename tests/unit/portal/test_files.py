"""Every table of a page is also a file: its links or buttons stand before it."""

import re

import pytest

from services.portal.pieces import FOLDER

TABLE = re.compile("<table|</table>")
FILES = re.compile(r"parts\.(download|button_files)\(|/tables/board|import_downloads")
WITHOUT = {
    "imports.html": "the columns of one's own file, to be chosen: a form",
    "review.html": "the two versions of one submission beside each other; the queue is a file",
    "board.html": "its links are in controls.html, which every page with a board shows",
    "import_outcome.html": "its buttons are in import_downloads.html, which follows it",
}
"""Template -> why its table has no links of its own."""
WITH_TABLES = sorted(
    path.name
    for path in (FOLDER / "templates").glob("*.html")
    if "<table" in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", [each for each in WITH_TABLES if each not in WITHOUT])
def test_each_table_of_a_template_has_its_files(name: str) -> None:
    text = (FOLDER / "templates" / name).read_text(encoding="utf-8")
    parts = text.split("<table")[:-1]
    before = [part.rpartition("</table>")[2] for part in parts]
    without = [part[-200:] for part in before if not FILES.search(part)]
    assert without == []


def test_templates_that_need_no_files_have_a_table() -> None:
    assert set(WITHOUT) <= set(WITH_TABLES)


def test_what_the_exceptions_lean_on_is_there() -> None:
    def users(part: str) -> set[str]:
        paths = (FOLDER / "templates").glob("*.html")
        return {path.name for path in paths if f'"{part}"' in path.read_text(encoding="utf-8")}

    assert users("board.html") <= users("controls.html")
    assert users("import_outcome.html") <= users("import_downloads.html")
