"""A report that is written to a file has everything in it, whatever the format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.unit.cli.pages.rendering import Page, printed


def written(path: Path, output: str) -> str:
    """Write the report to a file; return what was printed."""
    page = Page.read("report")
    command = [*page.command, "--output", output, "--file", str(path)]
    return printed(replace(page, command=command), "en", 120)


def test_a_book_has_unit_view_and_digest_and_no_bars(tmp_path: Path) -> None:
    path = tmp_path / "vnu.xlsx"
    assert f"{path}: the report is written" in written(path, "xlsx")
    with ZipFile(path) as book:
        strings = book.read("xl/sharedStrings.xml").decode()
    assert "digest" in strings
    assert "2025" in strings
    assert not set("█░▏▎▍▌▋▊▉") & set(strings)


@pytest.mark.parametrize("output", ["json", "csv", "markdown", "table", "html"])
def test_every_format_goes_to_the_file(tmp_path: Path, output: str) -> None:
    path = tmp_path / "vnu"
    said = written(path, output)
    assert "KNW-01" in path.read_text(encoding="utf-8")
    assert "KNW-01" not in said
