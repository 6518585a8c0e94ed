"""`kieng config check|print`: what the services would read here, and whether they would start."""

from __future__ import annotations

import difflib
import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from services.cli import options
from services.cli.errors import NO, USAGE, Failure
from services.cli.local.stack_processes import SERVICES
from services.cli.terminal.screen import Screen
from services.kernel.config import KernelSettings, read

app = typer.Typer(no_args_is_help=True, help="Check and print the settings of the services.")

Service = Annotated[
    str, typer.Argument(help=f"One of {', '.join(SERVICES)}; without it all of them.")
]

OF_COMMANDS = frozenset(
    f"KIENG_{name}"
    for name in (
        *("CONFIG_FILE", "DATA", "LANG", "INSTITUTION", "INSTITUTIONS", "SUBJECT", "TOKEN"),
        *("KPI_ADDRESS", "NOTIFICATIONS_ADDRESS", "PARTNERS_ADDRESS", "SUBMISSIONS_ADDRESS"),
        "BACKUPS",
    )
)
"""Variables that the commands read and no service does, or not every one."""
HIDDEN = "***"
URI_PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@/]*@")


def settings_of(service: str) -> type[KernelSettings]:
    """Return the settings class of a service by its process's name.

    Raises:
        Failure: there is no such service.
    """
    if service not in SERVICES:
        raise Failure(f"no service {service}; there are {', '.join(SERVICES)}", USAGE)
    module = importlib.import_module(f"services.{service.partition('.')[0]}.config")
    return cast(type[KernelSettings], module.Settings)


@app.command()
def check(
    service: Service = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
) -> None:
    """Say everything that is wrong with the settings here; exit code 1 when something is.

    Example: kieng config check submissions
    """
    wanted = [service] if service else SERVICES
    found = {name: read(settings_of(name))[1] for name in wanted}
    rows = [(name, mistake) for name, mistakes in found.items() for mistake in mistakes]
    rows += [("", unknown) for unknown in unknown_variables()]
    screen = Screen(output, lang)
    table = screen.table("service", "problem")
    for row in rows:
        table.add_row(*row)
    mistakes = [{"service": name, "problem": problem} for name, problem in rows]
    document = {"ok": not rows, "services": list(wanted), "mistakes": mistakes}
    screen.answer(document, lambda: table if rows else screen.text("config.ok"))
    if rows:
        raise typer.Exit(NO)


@app.command("print")
def print_settings(
    service: Service = "",
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
) -> None:
    """Print every setting as it would be read here, and where from; passwords are hidden.

    Example: kieng config print kpi.query --output json
    """
    wanted = [service] if service else SERVICES
    screen = Screen(output, lang)
    rows = {row["name"]: row for name in wanted for row in settings_here(settings_of(name))}
    table = screen.table("variable", "value", "source")
    for row in rows.values():
        table.add_row(row["name"], str(row["value"]), screen.text(f"config.{row['source']}"))
    screen.answer({"settings": list(rows.values())}, lambda: table)


def settings_here(settings: type[KernelSettings]) -> Iterator[dict[str, Any]]:
    """Yield name, value and source of every setting.

    A value that is wrong stands as it was given, hidden: it may be a password in a wrong place.
    """
    loaded, said, file = read(settings)[0], dict(os.environ), said_by_file()
    for name, field in settings.model_fields.items():
        variable = f"KIENG_{name.upper()}"
        may_have_file = f"{name}_file" not in field_names(settings)
        value = getattr(loaded, name) if loaded is not None else field.default
        source = "missing" if field.is_required() else "default"
        if may_have_file and f"{variable}_FILE" in {*said, *file}:
            value, source = HIDDEN, "secret"
        elif variable in {*said, *file}:
            source = "environment" if variable in said else "file"
            value = value if loaded is not None else HIDDEN
        yield {"name": variable, "value": plain(value), "source": source}


def field_names(settings: type[KernelSettings]) -> set[str]:
    """Return the names of all settings of a class."""
    return set(settings.model_fields)


def plain(value: Any) -> Any:
    """Return a value as JSON has it, with passwords hidden."""
    if value is PydanticUndefined:
        return None
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return URI_PASSWORD.sub(rf"\1:{HIDDEN}@", value)
    return value if isinstance(value, bool | int | float | None) else str(value)


def said_by_file() -> dict[str, str | None]:
    """Return what the file of KIENG_CONFIG_FILE says; nothing when it cannot be read."""
    file = os.environ.get("KIENG_CONFIG_FILE", "")
    return dict(dotenv_values(file)) if file and Path(file).is_file() else {}


def unknown_variables() -> Iterator[str]:
    """Yield each variable here that nobody reads: a slip, most of the time."""
    names = {f"KIENG_{field.upper()}" for s in SERVICES for field in field_names(settings_of(s))}
    known = {*OF_COMMANDS, *names, *(f"{name}_FILE" for name in names)}
    given = {name for name in {*os.environ, *said_by_file()} if name.startswith("KIENG_")}
    for name in sorted(given - known):
        near = difflib.get_close_matches(name, known, 1)
        yield f"{name}: nobody reads it" + (f"; is {near[0]} meant?" if near else "")
