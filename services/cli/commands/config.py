"""`kieng config check|print`: shows the settings that services would read, and their mistakes."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Group

from services.cli.admin import service_settings
from services.cli.admin.processes import environment_of
from services.cli.client.stack import SERVICES
from services.cli.errors import NO
from services.cli.session import Session, with_session
from services.refusals import in_language

app = typer.Typer(no_args_is_help=True, help="Check and print the settings of the services.")

Service = Annotated[
    str, typer.Argument(help=f"One of {', '.join(SERVICES)}; default: all of them.")
]


@app.command()
@with_session()
def check(
    session: Session,
    service: Service = "",
) -> None:
    """Report all mistakes in the settings here; exit code 1 if there are any.

    Without any settings here, those of the running local stack are checked.

    Example: kieng config check submissions
    """
    wanted = [service] if service else SERVICES
    place, environments = _environments(session)
    rows: list[tuple[str, str]] = []
    for name in wanted:
        with service_settings.environment(environments.get(name)):
            rows += [(name, mistake) for mistake in service_settings.mistakes_of(name)]
    rows += [("", unknown) for unknown in service_settings.unknown_variables()]
    screen = session.screen
    looked_at = screen.text(f"config.place_{place}", data=session.data)
    table = screen.table("service", "problem")
    for mistake in dict.fromkeys(mistake for _, mistake in rows):
        names = ", ".join(name for name, same in rows if name and same == mistake)
        table.add_row(names, in_language(mistake, screen.lang))
    mistakes = [{"service": name, "problem": problem} for name, problem in rows]
    document = {"ok": not rows, "place": place, "services": list(wanted), "mistakes": mistakes}
    screen.answer(document, lambda: Group(table if rows else screen.text("config.ok"), looked_at))
    if rows:
        raise typer.Exit(NO)


def _environments(session: Session) -> tuple[str, dict[str, dict[str, str]]]:
    """Return where the settings come from, and name of a process -> its environment.

    That is `stack`, or `here` with an empty map: then all settings are those of this process.
    """
    if service_settings.given_here() or not session.stack.processes:
        return "here", {}
    found = {
        name: {**told, **process.settings}
        for name, process in session.stack.processes.items()
        if (told := environment_of(process.pid))
    }
    return ("stack", found) if found else ("here", {})


@app.command("print")
@with_session(data=False)
def print_settings(
    session: Session,
    service: Service = "",
) -> None:
    """Print every setting as it would be read here, with its source; passwords are hidden.

    Example: kieng config print kpi.query --output json
    """
    wanted = [service] if service else SERVICES
    screen = session.screen
    rows = {
        row["name"]: row
        for name in wanted
        for row in service_settings.settings_here(service_settings.settings_of(name))
    }
    table = screen.table("variable", "value", "source")
    for row in rows.values():
        value = row["value"] if isinstance(row["value"], str) else json.dumps(row["value"])
        table.add_row(
            row["name"], "" if value == "null" else value, screen.text(f"config.{row['source']}")
        )
    screen.answer({"settings": list(rows.values())}, lambda: table)
