"""The services use the words of the field, and the glossary has one row per term."""

from pathlib import Path

import pytest

from tests.architecture.words import (
    CLEAN_PACKAGES,
    glossary_is_sound,
    other_words,
    words_of_the_field,
)

ROOT = Path(__file__).resolve().parents[2]
HEAD = "| Word | Tiếng Việt | Meaning |\n|---|---|---|\n"


def test_clean_packages_use_the_words_of_the_field() -> None:
    assert all((ROOT / package).is_dir() for package in CLEAN_PACKAGES)
    found = words_of_the_field(ROOT)
    assert not found, "\n".join(["", *found])


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""Tell whether it is due."""\n', "a.py:1: 'Tell'; write return"),
        ('"""One.\n\nWaits for nobody.\n"""\n', "a.py:3: 'nobody'"),
        ("x = 1  # where it stands\n", "a.py:1: 'stands'"),
        ('x = 1\n"""What was handed over."""\n', "a.py:2: 'handed over'"),
        ('class A:\n    """Writes for whoever waits."""\n', "a.py:2: 'whoever'"),
    ],
)
def test_an_avoided_word_is_reported_with_its_line(tmp_path: Path, source: str, line: str) -> None:
    (tmp_path / "a.py").write_text(source, encoding="utf-8")
    found = words_of_the_field(tmp_path, (".",))
    assert len(found) == 1
    assert line in found[0]


def test_quoted_words_code_and_other_words_pass(tmp_path: Path) -> None:
    source = '"""Return what `tell` returns, and "nobody"; standard telling."""\ntell = "nobody"\n'
    (tmp_path / "a.py").write_text(source, encoding="utf-8")
    assert words_of_the_field(tmp_path, (".",)) == []


def test_every_term_of_the_glossary_is_unique_and_has_a_vietnamese_word() -> None:
    assert glossary_is_sound(ROOT) == []


def test_vietnamese_texts_use_the_words_of_the_glossary() -> None:
    assert other_words(ROOT) == []


def test_another_vietnamese_word_is_reported(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    rows = "| view | bảng số liệu; not: khung nhìn | a |\n"
    (tmp_path / "docs/glossary.md").write_text(HEAD + rows, encoding="utf-8")
    (tmp_path / "services").mkdir()
    (tmp_path / "services/vi.toml").write_text('a = "Khung nhìn"\nb = "bảng số liệu"\n')
    found = "services/vi.toml:1: 'khung nhìn'; write 'bảng số liệu'"
    assert other_words(tmp_path) == [found]


@pytest.mark.parametrize(
    ("rows", "mistake"),
    [
        ("| unit | đơn vị | a |\n| unit | nút | b |\n", "unit: explained 2 times"),
        ("| fold, unit | phép gộp | a |\n| unit | nút | b |\n", "unit: explained 2 times"),
        ("| unit |  | a |\n", "unit: has no Vietnamese word"),
        ("| unit | đơn vị | a |\n| fold | phép gộp | b |\n", "fold: belongs before unit"),
        ("", "no terms"),
    ],
)
def test_an_unsound_glossary_is_reported(tmp_path: Path, rows: str, mistake: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/glossary.md").write_text(HEAD + rows, encoding="utf-8")
    assert glossary_is_sound(tmp_path) == [mistake]
