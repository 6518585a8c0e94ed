"""`kieng catalogue ...`: what is measured, and the views made of it."""

from __future__ import annotations

import typer

from services.cli import views, what_if

app = typer.Typer(no_args_is_help=True, help="Publish what is measured, and try it out before.")
app.command()(views.publish)
app.command()(views.rollback)
app.command("what-if")(what_if.what_if)
app.command("views")(views.list_views)
