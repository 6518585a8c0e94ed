"""The help of every command is as recorded: a difference is seen, and wanted, in the records."""

from __future__ import annotations

from difflib import unified_diff

import pytest

from services.texts import Lang
from tests.unit.cli import help_pages


@pytest.fixture(scope="module", params=[*Lang])
def lang(request: pytest.FixtureRequest) -> Lang:
    return Lang(request.param)


@pytest.fixture(scope="module")
def found(lang: Lang) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in help_pages.SETTINGS.items():
            patch.setenv(name, value)
        return help_pages.as_text(help_pages.pages(lang))


def test_the_help_of_every_command_is_as_recorded(found: str, lang: Lang) -> None:
    recorded = help_pages.RECORDS[lang].read_text(encoding="utf-8")
    lines = unified_diff(recorded.splitlines(), found.splitlines(), "record", "now", lineterm="")
    difference = "\n".join(lines)
    assert not difference, f"if it is wanted: python -m tests.unit.cli.help_pages\n{difference}"


def test_every_command_has_an_example_that_begins_with_its_own_words(
    found: str, lang: Lang
) -> None:
    commands, example = ("Commands", "Example") if lang is Lang.en else ("Lệnh", "Ví dụ")
    for text in found.split("\n$ "):
        command, _, shown = text.removeprefix("$ ").partition(" --help\n")
        if f"─ {commands} ─" not in shown:
            assert f"{example}: {command}" in shown, command
