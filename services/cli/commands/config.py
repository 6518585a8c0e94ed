"""`kieng config check|print`: shows the settings that services would read, and their mistakes."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.admin import service_settings
from services.cli.client.stack import SERVICES
from services.cli.errors import NO
from services.cli.session import Session, with_session

app = typer.Typer(no_args_is_help=True, help="Check and print the settings of the services.")

Service = Annotated[
    str, typer.Argument(help=f"One of {', '.join(SERVICES)}; default: all of them.")
]


@app.command()
@with_session(data=False)
def check(
    session: Session,
    service: Service = "",
) -> None:
    """Report all mistakes in the settings here; exit code 1 if there are any.

    Example: kieng config check submissions
    """
    wanted = [service] if service else SERVICES
    found = {name: service_settings.mistakes_of(name) for name in wanted}
    rows = [(name, mistake) for name, mistakes in found.items() for mistake in mistakes]
    rows += [("", unknown) for unknown in service_settings.unknown_variables()]
    screen = session.screen
    table = screen.table("service", "problem")
    for row in rows:
        table.add_row(*row)
    mistakes = [{"service": name, "problem": problem} for name, problem in rows]
    document = {"ok": not rows, "services": list(wanted), "mistakes": mistakes}
    screen.answer(document, lambda: table if rows else screen.text("config.ok"))
    if rows:
        raise typer.Exit(NO)


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
        table.add_row(row["name"], str(row["value"]), screen.text(f"config.{row['source']}"))
    screen.answer({"settings": list(rows.values())}, lambda: table)
