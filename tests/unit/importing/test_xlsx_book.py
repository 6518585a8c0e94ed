"""An XLSX file that cannot be written fails as any other file does."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.importing.xlsx_book import new_book


def test_a_book_is_written_at_the_end(tmp_path: Path) -> None:
    with new_book(tmp_path / "a.xlsx") as book:
        book.add_worksheet()
    assert (tmp_path / "a.xlsx").stat().st_size > 0


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.xlsx"
    with pytest.raises(FileNotFoundError) as failed, new_book(path) as book:
        book.add_worksheet()
    assert (failed.value.filename, failed.value.strerror) == (
        str(path),
        "No such file or directory",
    )
