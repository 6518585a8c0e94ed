"""The texts of commands are whole in both languages."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from services.cli.commands.import_file import OUTCOMES
from services.cli.terminal.texts import TEXTS, Lang, text

SOURCES = sorted((Path(__file__).parents[4] / "services" / "cli").rglob("*.py"))


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_say_the_same_values(key: str) -> None:
    vietnamese, english = TEXTS[key]
    assert vietnamese
    assert english
    assert placeholders(vietnamese) == placeholders(english)


def test_every_text_that_a_command_names_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    keys = set(re.findall(r"\.(?:text|say)\(\s*\"([a-z_]+(?:\.[a-z_]+)+)\"", source))
    for names in re.findall(r"screen\.table\(([^)]*)\)", source):
        keys |= {f"heading.{name.lstrip('>')}" for name in re.findall(r'"(>?[a-z_]+)"', names)}
    keys |= {f"heading.{name}" for name in OUTCOMES}
    for problem in re.findall(r'"(cell\.[a-z]+)"', source):
        keys |= {f"{problem}.problem", f"{problem}.remedy"}
    assert len(keys) > 50
    assert keys <= set(TEXTS)


def test_a_text_is_in_the_language_that_was_asked_for() -> None:
    assert text(Lang.vi, "state.verified") == "đã xác minh"
    assert text(Lang.en, "cell.twice.problem", row="3") == "stands in row 3 already"
