"""Commands are listed without being imported, and the lists say what the commands say."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from services.cli.app import app
from services.cli.client.local_issuer import LocalIssuer
from services.cli.lazy_group import Entry, lazy_group

MONTHS = ("--from", "2025-01", "--to", "2025-07")
HELP = {
    *("services", "typer", "annotated_doc", "shellingham"),
    *("rich", "attr", "markdown_it", "mdurl", "pygments"),  # how typer lays help out
}
"""Packages beyond the standard library that `kieng --help` may import."""
CALL = HELP | {
    *("grpc", "google", "grpc_status", "kieng", "buf"),  # the call and its messages
    *("grpc_health", "grpc_reflection", "grpc_tools", "cython_runtime", "typing_extensions"),
}
"""Packages that `kieng kpi show` may import until its call is answered."""
SIGNED_CALL = CALL | {"jwt", "cryptography"}
"""The same with a token that the local issuer signs."""
PACKAGES = """
import json, sys
from services.cli.main import main
try:
    main(sys.argv[1:])
finally:
    found = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
    print(json.dumps([name for name in found if not name.startswith("_")]))
"""


def imported(folder: Path, *arguments: str, **more: str) -> set[str]:
    """Packages beyond the standard library that a command imports in a process of its own."""
    (folder / "stack.json").write_text(json.dumps({"data": str(folder), "processes": {}}))
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"KIENG_KPI_ADDRESS": "127.0.0.1:1", "KIENG_DATA": str(folder), **more}
    command = [sys.executable, "-c", PACKAGES, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode in (0, 3), ran.stderr
    return set(json.loads(ran.stdout.splitlines()[-1])) - {"sitecustomize", "usercustomize"}


def test_help_imports_no_command(tmp_path: Path) -> None:
    assert imported(tmp_path, "--help") <= HELP


def test_a_call_imports_only_what_a_call_needs(tmp_path: Path) -> None:
    assert imported(tmp_path, "kpi", "show", *MONTHS, KIENG_TOKEN="any") <= CALL


def test_a_credential_of_the_local_issuer_imports_what_signs_it(tmp_path: Path) -> None:
    LocalIssuer(tmp_path / "issuer").create(["consortium"], tmp_path / "issuers.json")
    assert imported(tmp_path, "kpi", "show", *MONTHS) <= SIGNED_CALL


def groups(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every group, with the words that lead to it."""
    if hasattr(command, "commands"):
        yield " ".join(path), command
        for name in command.commands:
            yield from groups(command.commands[name], *path, name)


def test_every_list_says_what_the_first_paragraph_of_a_command_says() -> None:
    every = dict(groups(typer.main.get_command(app)))
    assert len(every) > 10
    for path, group in every.items():
        listed = {name: group.get_command(None, name).help for name in group.list_commands(None)}
        said = {name: command.help for name, command in group.commands.items()}
        assert {name: first(text) for name, text in listed.items()} == {
            name: first(text) for name, text in said.items()
        }, path


def first(text: str) -> str:
    """The first paragraph of a help text, on one line."""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def test_a_command_of_that_name_is_imported_only_when_it_is_read() -> None:
    made = typer.Typer(cls=lazy_group({"absent": Entry("no_such_module:app", "Not there.")}))

    @made.command()
    def there() -> None:
        """There."""

    group: Any = typer.main.get_group(made)
    assert group.list_commands(None) == ["there", "absent"]
    assert len(group.commands) == 2
    assert group.get_command(None, "absent").help == "Not there."
    assert group.get_command(None, "elsewhere") is None
    with pytest.raises(ModuleNotFoundError):
        group.commands["absent"]
