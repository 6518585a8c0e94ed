"""What the product says exists: settings, services, commands. Deployment uses nothing else."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest
from typer.main import get_command

from services.cli.app import app
from services.cli.client.stack import SERVICES

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "kieng"
COMPOSE = ROOT / "deploy" / "compose.yaml"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"

OF_COMMANDS = {
    *("KIENG_DATA", "KIENG_LANG", "KIENG_TOKEN", "KIENG_CONFIG_FILE"),
    *(f"KIENG_{name}_ADDRESS" for name in ("SUBMISSIONS", "PARTNERS", "KPI", "NOTIFICATIONS")),
}
"""Variables that the `kieng` command reads; docs/operating.md names them."""

is_full_check = bool(os.environ.get("CHECK_DEPLOY"))
needs_tools = pytest.mark.skipif(
    not is_full_check, reason="needs tools beside the Python packages: make check-deploy"
)


def settings() -> set[str]:
    """Every variable that some service reads, and the file form of each."""
    packages = {name.partition(".")[0] for name in SERVICES}
    classes = [importlib.import_module(f"services.{name}.config").Settings for name in packages]
    names = {f"KIENG_{field.upper()}" for each in classes for field in each.model_fields}
    return names | {f"{name}_FILE" for name in names} | OF_COMMANDS


def unknown_words(arguments: list[str]) -> list[str]:
    """What of a command line of `kieng` does not exist: a subcommand or an option."""
    command = get_command(app)
    mistakes = []
    for word in arguments:
        options = {name for parameter in command.params for name in parameter.opts}
        if word.startswith("--"):
            mistakes += [] if word.partition("=")[0] in options else [word]
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return [*mistakes, word]
            command = command.commands[word]
    return mistakes
