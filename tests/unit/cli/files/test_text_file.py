"""Files of text as editors and downloads leave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.commands.submit import read_content
from services.cli.errors import USAGE, Failure
from services.cli.files.text_file import read_text
from services.cli.terminal.screen import Screen


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_the_mark_in_front_is_not_part_of_the_text(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text"
    path.write_text("Đạt\r\n", encoding=encoding)
    assert read_text(path) == "Đạt\n"


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_another_encoding_is_refused_with_what_to_do(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "text"
    path.write_text("à", encoding=encoding)
    with pytest.raises(Failure, match="not text in UTF-8; save it") as refused:
        read_text(path)
    assert refused.value.exit_code == USAGE


@pytest.mark.parametrize("path", [".", "absent"])
def test_what_is_no_file_is_named(path: str) -> None:
    with pytest.raises(Failure, match=f"^{path}: "):
        read_text(Path(path))


@pytest.mark.parametrize("content", ["[1]", '"title"', "null"])
def test_facts_are_one_object(tmp_path: Path, content: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(content)
    with pytest.raises(Failure, match="wanted one JSON object"):
        read_content(Screen(), "publication", {"unit_id": "vnu"}, path)
    path.write_text('{"title": "A"}', encoding="utf-8-sig")
    assert (
        read_content(Screen(), "publication", {"unit_id": "vnu"}, path).facts.publication.title
        == "A"
    )
