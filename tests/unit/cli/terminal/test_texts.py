"""The texts of commands are whole in both languages, and every one is used."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from services.cli.commands.import_report import OUTCOMES
from services.cli.terminal.texts import FOLDER, text, texts
from services.texts import Lang

SERVICES = Path(__file__).parents[4] / "services"
SOURCES = sorted(path for name in ("cli", "importing") for path in (SERVICES / name).rglob("*.py"))
VI, EN = texts(Lang.vi), texts(Lang.en)


def placeholders(sentence: str) -> set[tuple[str, str | None, str | None]]:
    """Names with format and conversion: the code passes one set of values to both languages."""
    return {(name, form, how) for _, name, form, how in string.Formatter().parse(sentence) if name}


def constants() -> tuple[set[str], list[re.Pattern[str]]]:
    """Texts in the code of the commands: whole ones, and what those with values in them match."""
    whole, patterns = set(), []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                parts = [
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[a-z0-9_]+"
                    for part in node.values
                ]
                # An f-string of nothing but values would match, and so excuse, every key.
                if re.match(r"[a-z_]+\\\.", parts[0]):
                    patterns.append(re.compile("".join(parts)))
    return whole, patterns


def test_both_languages_have_the_same_keys() -> None:
    assert set(VI) == set(EN)
    assert len(VI) > 200


def test_both_languages_say_something_and_the_same_values() -> None:
    assert [key for key in VI if not (VI[key].strip() and EN[key].strip())] == []
    assert [key for key in VI if placeholders(VI[key]) != placeholders(EN[key])] == []


def test_every_text_that_a_command_names_exists() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    keys = set(re.findall(r"\.(?:text|say)\(\s*\"([a-z_]+(?:\.[a-z_]+)+)\"", source))
    for names in re.findall(r"screen\.table\(([^)]*)\)", source):
        keys |= {f"heading.{name.lstrip('>')}" for name in re.findall(r'"(>?[a-z_]+)"', names)}
    keys |= {f"heading.{name}" for name in OUTCOMES}
    for problem in re.findall(r'"(cell\.[a-z]+)"', source):
        keys |= {f"{problem}.problem", f"{problem}.remedy"}
    assert len(keys) > 50
    assert keys <= set(VI)


def test_every_text_is_named_by_a_command() -> None:
    whole, patterns = constants()
    used = whole | {f"heading.{name.removeprefix('>')}" for name in whole}
    used |= {f"{name}.{end}" for name in whole for end in ("problem", "remedy")}
    assert [
        key for key in VI if key not in used and not any(p.fullmatch(key) for p in patterns)
    ] == []


@pytest.mark.parametrize("lang", Lang)
def test_the_file_of_a_language_is_in_order_for_those_who_edit_it(lang: Lang) -> None:
    source = (FOLDER / f"{lang.value}.toml").read_text(encoding="utf-8")
    sections = source.split("\n[")[1:]
    assert sections == sorted(sections)
    for section in sections:
        names = re.findall(r"^([a-z_.]+) = ", section, re.MULTILINE)
        assert names == sorted(names)


def test_a_text_is_in_the_language_that_was_asked_for() -> None:
    assert text(Lang.vi, "state.verified") == "đã xác minh"
    assert "row 3" in text(Lang.en, "cell.twice.problem", row="3")
