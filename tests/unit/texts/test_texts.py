"""Texts in the languages of readers."""

from pathlib import Path

from services.texts import Lang, read_texts


def test_keys_of_sections_are_joined_by_dots(tmp_path: Path) -> None:
    (tmp_path / "vi.toml").write_text('top = "t"\n[a]\nx = "Đ"\n[a.b]\nx = "z"\n', encoding="utf-8")
    assert read_texts(tmp_path, Lang.vi) == {"top": "t", "a.x": "Đ", "a.b.x": "z"}
