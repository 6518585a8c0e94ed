"""The transcripts of the five weeks show what is typed today, on commands that exist."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import weeks
from tests.unit.docs.command_lines import mistakes_of

ID = "vnu.01a22d68-6de4-70cf-8b6c-23ed7c708fb2"


class Typed:
    """A week that nobody answers: notes what is typed, and writes the file of an export."""

    def __init__(self, folder: Path) -> None:
        self.lines: list[list[str]] = []
        self._folder = folder

    def types(self, *words: str, code: int = 0) -> None:
        self.lines.append(list(words))
        if words[:2] == ("review", "export"):
            with (self._folder / "quyet-dinh.csv").open("w", encoding="utf-8") as file:
                csv.writer(file).writerows([["decision", "title"], ["", weeks.ROWS[1][2]]])

    def knows(self, *words: str) -> Any:
        return {"submissions": [{"submission_id": ID}]}


def shown(name: str) -> Iterator[list[str]]:
    page = (weeks.SHOWN / f"{name}.md").read_text(encoding="utf-8")
    for line in re.findall(r"^```text\n\$ kieng (.+)$", page, re.MULTILINE):
        yield shlex.split(line)


def without_ids(lines: list[list[str]]) -> list[list[str]]:
    """The ids are new each time, also where only their beginning or end is typed."""
    ids = re.compile(
        r"(vnu\.)?[0-9a-f]{4,8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|vnu\.[0-9a-f]{4}|[0-9a-f]{12}"
    )
    return [["ID" if ids.fullmatch(word) else word for word in line] for line in lines]


@pytest.mark.parametrize(("name", "walk"), [(name, walk) for name, _, walk in weeks.WEEKS])
def test_a_transcript_shows_what_its_week_types(
    name: str, walk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weeks, "FOLDER", tmp_path)
    week = Typed(tmp_path)
    walk(week)
    assert week.lines
    assert without_ids(list(shown(name))) == without_ids(week.lines), "python -m tests.e2e.weeks"


def test_every_command_of_a_week_exists_and_is_complete() -> None:
    typed = [line for name, *_ in weeks.WEEKS for line in shown(name)]
    assert len(typed) > 30
    assert not [wrong for line in typed for wrong in mistakes_of(["kieng", *line], complete=True)]


def test_no_line_of_a_table_is_wider_than_the_screen() -> None:
    wide = [
        f"{name}: {line}"
        for name, *_ in weeks.WEEKS
        for line in (weeks.SHOWN / f"{name}.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(("┏", "┃", "│", "└")) and len(line) > 80
    ]
    assert not wide
