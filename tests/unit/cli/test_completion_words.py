"""What commands have read is kept for shells, and its file may be broken or absent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from services.cli import completion_words
from services.cli.completion_words import FILE, INDICATORS, UNITS, remember


def test_words_are_added_and_the_oldest_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion_words, "WORDS_MAX", 2)
    remember(tmp_path, UNITS, {"a": "1", "b": "2"})
    remember(tmp_path, UNITS, {"a": "new", "c": "3"})
    assert json.loads((tmp_path / FILE).read_text())[UNITS] == {"a": "new", "c": "3"}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_words_that_are_known_are_not_written_again(tmp_path: Path) -> None:
    remember(tmp_path, INDICATORS, {"KNW-01": "Bài báo", "KNW-02": "Sách"})
    written = (tmp_path / FILE).stat().st_ino
    remember(tmp_path, INDICATORS, {"KNW-01": "Bài báo"})
    assert (tmp_path / FILE).stat().st_ino == written
    remember(tmp_path, INDICATORS, {"KNW-01": "Bài báo quốc tế"})
    assert (tmp_path / FILE).stat().st_ino != written


@pytest.mark.parametrize("content", ["", "{", "[]", '{"units": 3}', "\x00"])
def test_a_broken_file_offers_nothing_and_is_written_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    remember(tmp_path, UNITS, {"vnu": "Đại học"})
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8")) == {UNITS: {"vnu": "Đại học"}}


def test_without_a_data_folder_nothing_is_kept(tmp_path: Path) -> None:
    remember(tmp_path / "absent", UNITS, {"vnu": ""})
    assert [*tmp_path.iterdir()] == []


def test_what_cannot_be_written_fails_no_command(tmp_path: Path) -> None:
    (tmp_path / f"{FILE}.{os.getpid()}").mkdir()
    remember(tmp_path, UNITS, {"hust": "Bách khoa"})
    assert not (tmp_path / FILE).exists()
