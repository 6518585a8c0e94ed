"""The table of commands and options from which a shell is answered, made from the commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperOption

from services.cli.app import app
from services.cli.completion import LANGUAGES, TABLE
from services.cli.completion_words import KINDS
from services.cli.terminal.help import as_shown, paragraphs
from services.texts import Lang


def helps(thing: Any, shown: Any) -> list[str]:
    """The first paragraph of a help text in each language."""
    assert LANGUAGES == ("en", "vi")
    return [next(iter(paragraphs(each.help)), "") for each in (thing, shown)]


def words(parameter: Any) -> str | list[str]:
    """What is offered as the value of a parameter: choices, or the kind of what was read."""
    said = parameter.type_descriptor
    if said.is_choice:
        return [str(getattr(each, "value", each)) for each in said.choices]
    return KINDS.get(parameter.name, [])


def option(parameter: Any, shown: Any) -> dict[str, Any]:
    return {
        "names": [*parameter.opts, *parameter.secondary_opts],
        "help": helps(parameter, shown),
        "takes": not (parameter.is_flag or parameter.count),
        "many": parameter.multiple,
        "words": words(parameter),
    }


def node(command: Any) -> dict[str, Any]:
    """A command as `services.cli.completion` reads it."""
    shown = as_shown(command, Lang.vi)
    context = typer.Context(command)
    both = [
        pair
        for pair in zip(command.get_params(context), shown.get_params(context), strict=True)
        if not getattr(pair[0], "hidden", False)
    ]
    found: dict[str, Any] = {
        "help": helps(command, shown),
        "options": [option(*pair) for pair in both if isinstance(pair[0], TyperOption)],
        "arguments": [
            {"help": helps(*pair), "many": pair[0].nargs == -1, "words": words(pair[0])}
            for pair in both
            if not isinstance(pair[0], TyperOption)
        ],
    }
    below = getattr(command, "commands", None)
    if below is not None:
        found["commands"] = [*below]
    return found


def table(command: Any, *path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every group and command: its words after `kieng`, and the command."""
    yield " ".join(path), node(command)
    for name, below in getattr(command, "commands", {}).items():
        yield from table(below, *path, name)


def as_text() -> str:
    """The whole table, one command a line."""
    lines = (
        f"{json.dumps(path)}: {json.dumps(found, ensure_ascii=False)}"
        for path, found in table(typer.main.get_command(app))
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def record() -> None:
    """Write the table to the file from which shells are answered."""
    TABLE.write_text(as_text(), encoding="utf-8")
