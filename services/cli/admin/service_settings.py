"""The settings that services would read in this environment: values, sources and mistakes."""

from __future__ import annotations

import difflib
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from services.cli.client.stack import SERVICES, WITHOUT_GRPC
from services.cli.errors import USAGE, Failure
from services.kernel import tls
from services.kernel.config import KernelSettings, read

OF_COMMANDS = frozenset(
    f"KIENG_{name}"
    for name in (
        *("CONFIG_FILE", "DATA", "LANG", "INSTITUTION", "INSTITUTIONS", "SUBJECT", "TOKEN"),
        *("KPI_ADDRESS", "NOTIFICATIONS_ADDRESS", "PARTNERS_ADDRESS", "SUBMISSIONS_ADDRESS"),
        "BACKUPS",
    )
)
"""Names of environment variables that are read by commands, not by every service."""
HIDDEN = "***"
# To the last `@`, because a password that was not encoded may contain one, or a slash.
URI_PASSWORD = re.compile(r"(?<=://)([^:/@]*):.*@")


def settings_of(service: str) -> type[KernelSettings]:
    """Return the settings class of a service, given the name of its process, e.g. `kpi.query`.

    Raises:
        Failure: there is no process of this name.
    """
    if service not in SERVICES:
        raise Failure(f"no service {service}; there are {', '.join(SERVICES)}", USAGE)
    module = importlib.import_module(f"services.{service.partition('.')[0]}.config")
    return cast(type[KernelSettings], module.Settings)


def mistakes_of(service: str) -> list[str]:
    """Return one line per mistake in the settings that would keep a service from starting.

    The list is empty if there is none. Files of certificates are checked as well, if the service
    answers gRPC calls.

    Raises:
        Failure: there is no process of this name.
    """
    loaded, mistakes = read(settings_of(service))
    return mistakes if loaded is None or service in WITHOUT_GRPC else tls.mistakes(loaded)


def given_here() -> bool:
    """Return True if the environment or its file sets a variable of a service, even a misspelt one.

    The file is KIENG_CONFIG_FILE. Variables in `OF_COMMANDS` do not count.
    """
    given = {*os.environ, *said_by_file()}
    return any(name.startswith("KIENG_") and name not in OF_COMMANDS for name in given)


@contextmanager
def environment(of: Mapping[str, str] | None) -> Iterator[None]:
    """Give this process the variables in ``of``, and no others, during the `with` block.

    Afterwards the variables are as before. If ``of`` is None, nothing changes.
    """
    if of is None:
        yield
        return
    mine = dict(os.environ)
    _become(of)
    try:
        yield
    finally:
        _become(mine)


def _become(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def settings_here(settings: type[KernelSettings]) -> Iterator[dict[str, Any]]:
    """Yield one row for each setting of a class, with the keys `name`, `value` and `source`.

    The source is `environment`, `file`, `secret` (a file with the value), `default` or `missing`.
    If any value is not valid, all values that were given are hidden, because it may be a misplaced
    password.
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
    """Return the value of a setting in a form that JSON can hold, with passwords hidden as `***`.

    Texts, numbers and truth values stay as they are, lists and tuples become lists, and anything
    else becomes text. None stands for a required setting that is missing.
    """
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
    """Return name -> value of the variables in the file KIENG_CONFIG_FILE.

    Empty without a file, and for one that cannot be read, which `read` finds.
    """
    file = os.environ.get("KIENG_CONFIG_FILE", "")
    try:
        return dict(dotenv_values(file, encoding="utf-8-sig")) if Path(file).is_file() else {}
    except (OSError, UnicodeDecodeError):
        return {}


def unknown_variables() -> Iterator[str]:
    """Yield a line for each KIENG_ variable that neither services nor commands read, sorted.

    Most are misspelt, so the line names a similar variable if there is one, e.g. `KIENG_MONGO_URL:
    nobody reads it; is KIENG_MONGO_URI meant?`
    """
    names = {f"KIENG_{field.upper()}" for s in SERVICES for field in field_names(settings_of(s))}
    known = {*OF_COMMANDS, *names, *(f"{name}_FILE" for name in names)}
    given = {name for name in {*os.environ, *said_by_file()} if name.startswith("KIENG_")}
    for name in sorted(given - known):
        near = difflib.get_close_matches(name, known, 1)
        yield f"{name}: nobody reads it" + (f"; is {near[0]} meant?" if near else "")
