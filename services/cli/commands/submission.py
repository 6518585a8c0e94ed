"""`kieng submission ...`: reads, lists, exports and changes submissions."""

from __future__ import annotations

import typer

from services.cli.commands.submission_changes import amend, submit, withdraw
from services.cli.commands.submission_export import export
from services.cli.commands.submission_list import list_submissions
from services.cli.commands.submission_reading import answer, history, show

__all__ = ["answer", "app"]

app = typer.Typer(no_args_is_help=True, help="Read, list, export and change submissions.")
app.command("list")(list_submissions)
for each in (show, history, amend, submit, withdraw, export):
    app.command()(each)
