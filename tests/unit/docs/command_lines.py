"""Command lines, checked: what they name exists, and what they need is there."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, cast

import typer
from typer.main import get_command

from services.cli.admin.service_settings import settings_of
from services.cli.app import app
from services.cli.errors import Failure
from tests.unit.docs.pages import ROOT

# typer brings its parser as a private package; this is the parent of all that it refuses.
Refused = cast(
    "type[typer.BadParameter]",
    next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "UsageError"),
)


kieng = functools.cache(lambda: get_command(app))


def mistakes_of(call: list[str], complete: bool = False) -> list[str]:
    """Say what a call of make or kieng names that is not there.

    Args:
        call: its words, the first of which is make or kieng.
        complete: whether it has to run as it stands, with everything that the command requires.
    """
    if call[0] == "make":
        known_to_make = Words((ROOT / "Makefile").read_text(encoding="utf-8"))
        return [f"make has no target {word}" for word in call[1:] if word not in known_to_make]
    command, path, words = kieng(), "kieng", call[1:]
    while words and hasattr(command, "commands"):
        if words[0].startswith("-"):
            break
        if words[0] not in command.commands:
            return [f"{path} has no command {words[0]}"]
        command, path, words = command.commands[words[0]], f"{path} {words[0]}", words[1:]
    known = {"-h", "--help"} | {name for option in command.params for name in option.opts}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    if unknown := [f"{path} has no option {name}" for name in given if name not in known]:
        return unknown
    return list(_refusals(command, path, words)) if complete else []


def _refusals(command: Any, path: str, words: list[str]) -> Iterator[str]:
    if {"-h", "--help", "--version"} & set(words):
        return
    try:
        read = command.make_context(path, list(words)).params
        if path in ("kieng config print", "kieng config check") and read["service"]:
            settings_of(read["service"])
    except Refused as error:
        yield f"{path}: {error.format_message()}"
    except Failure as failure:
        yield f"{path}: {failure.message}"


class Words:
    """What may follow `make`: its targets, and variables that the Makefile reads."""

    def __init__(self, makefile: str) -> None:
        self.targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
        self.variables = set(re.findall(r"\$[({](?:if \$\()?([A-Z]+)\)", makefile))

    def __contains__(self, word: str) -> bool:
        name, is_variable, _ = word.partition("=")
        return name in (self.variables if is_variable else self.targets)
