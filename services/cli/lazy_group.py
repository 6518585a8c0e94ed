"""A group of commands whose modules are imported only when one of them is run.

Until then, a command is known by name and help only. So `kieng --help` and each command import
what they need themselves, not what all commands need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

MODULES = "services.cli.commands"


class Entry(NamedTuple):
    """Names the function or app of a lazy command, and its text in the list of commands."""

    target: str
    """Module in `services.cli.commands`, a colon, and the command's function or typer app."""
    help: str
    """First paragraph of the help of that function or app, on one line."""


class Commands(Mapping[str, Any]):
    """Name -> click command of a group; the module of a lazy one is imported when it is read.

    Args:
        loaded: the group's own commands, which are listed first.
        entries: name -> lazy command.
    """

    def __init__(self, loaded: Mapping[str, Any], entries: Mapping[str, Entry]) -> None:
        self._names = (*loaded, *entries)
        self._loaded = dict(loaded)
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._entries[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _load(name: str, entry: Entry) -> Any:
    module, _, attribute = entry.target.partition(":")
    found = getattr(import_module(f"{MODULES}.{module}"), attribute)
    holder = typer.Typer(add_completion=False)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    return get_group(holder).commands[name]


def lazy_group(entries: Mapping[str, Entry]) -> type[TyperGroup]:
    """Return a subclass of `TyperGroup`, for `typer.Typer(cls=...)`, that has these lazy commands.

    Args:
        entries: name -> lazy command, in the order of the help.
    """

    class LazyGroup(TyperGroup):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.commands: Any = Commands(self.commands, entries)

        def list_commands(self, ctx: Any) -> list[str]:
            """Return the names of all commands, importing none."""
            return [*self.commands]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """Return a command as lists show it: a lazy one with name and help only."""
            if cmd_name in entries:
                return TyperCommand(cmd_name, help=entries[cmd_name].help)
            return self.commands.get(cmd_name)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            """Return the name of the command that the arguments call, the command, and the rest."""
            name, command, rest = super().resolve_command(ctx, args)
            return name, command and self.commands[name], rest

    return LazyGroup
