"""The `--help` of every command as one text in each language.

`python -m tests.unit.cli.help_pages` records them in `help.txt` and `help.vi.txt`, and the table of
commands from which shells are answered, see `command_line.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import typer

import services
from services.cli.app import app
from services.texts import Lang
from tests.unit.cli import command_line

FOLDER = Path(__file__).parent
RECORDS = {Lang.en: FOLDER / "help.txt", Lang.vi: FOLDER / "help.vi.txt"}
ROOT = Path(services.__file__).parents[1]
SETTINGS = {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}


def commands(command: Any, *path: str) -> Iterator[tuple[str, ...]]:
    """The words of every group and command, in the order of the help."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *path, name)


def relative_defaults(command: Any) -> None:
    """Shorten default paths, so that a page is laid out alike wherever the checkout is."""
    for parameter in command.params:
        if isinstance(parameter.default, Path) and parameter.default.is_relative_to(ROOT):
            parameter.default = parameter.default.relative_to(ROOT)
    for below in getattr(command, "commands", {}).values():
        relative_defaults(below)


def page(group: Any, path: tuple[str, ...], lang: Lang) -> str:
    """The help of one command in a language."""
    printed = StringIO()
    with redirect_stdout(printed):
        group.main([*path, "--help"], prog_name="kieng", standalone_mode=False, obj=lang)
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def pages(lang: Lang) -> dict[str, str]:
    """Command line -> what it prints; ``SETTINGS`` must be in the environment."""
    group: Any = typer.main.get_command(app)
    relative_defaults(group)
    return {
        " ".join(["kieng", *path, "--help"]): page(group, path, lang) for path in commands(group)
    }


def as_text(found: dict[str, str]) -> str:
    """The pages as they are recorded."""
    return "\n\n".join(f"$ {command}\n{shown}" for command, shown in found.items()) + "\n"


if __name__ == "__main__":
    os.environ.pop("TERMINAL_WIDTH", None)
    os.environ.update(SETTINGS)
    for lang, record in RECORDS.items():
        record.write_text(as_text(pages(lang)), encoding="utf-8")
    command_line.record()
