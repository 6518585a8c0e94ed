"""The help of every command is as recorded: a difference is seen, and wanted, in `help.txt`."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from tests.unit.cli import help_pages

RECORD = Path(__file__).parent / "help.txt"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in help_pages.SETTINGS.items():
        monkeypatch.setenv(name, value)
    return help_pages.as_text(help_pages.pages())


def test_the_help_of_every_command_is_as_recorded(found: str) -> None:
    recorded = RECORD.read_text(encoding="utf-8")
    lines = unified_diff(recorded.splitlines(), found.splitlines(), "help.txt", "now", lineterm="")
    difference = "\n".join(lines)
    remedy = f"if it is wanted: python -m tests.unit.cli.help_pages > {RECORD}"
    assert not difference, f"{remedy}\n{difference}"


def test_every_command_has_an_example_that_begins_with_its_own_words(found: str) -> None:
    for text in found.split("\n$ "):
        command, _, shown = text.removeprefix("$ ").partition(" --help\n")
        if "─ Commands ─" not in shown:
            assert f"Example: {command}" in shown, command
