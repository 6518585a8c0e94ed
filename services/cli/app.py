"""The commands of `kieng`, known by name and one line of help until one of them is run."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from services.cli.lazy_group import Entry, lazy_group
from services.cli.plain_options import read_plainly
from services.cli.terminal.help import VARIABLE, LangOption, show_in_language
from services.texts import Lang

COMMANDS = {
    "up": Entry(
        "up:up",
        "Run broker, database and every service here until Ctrl-C; the data folder keeps the data.",
    ),
    "demo": Entry(
        "demo:demo",
        "Start everything with synthetic data and print the indicators; stay until Ctrl-C.",
    ),
    "doctor": Entry(
        "doctor:doctor",
        "Check everything a stack needs; exit code 1 if something is wrong, 3 if it is down.",
    ),
    "status": Entry(
        "status:status",
        "Show the local stack on one screen: processes, lag, age of the numbers, and rates.",
    ),
    "logs": Entry(
        "logs:logs",
        "Show the newest lines of the logs of the local stack, also of one that has stopped.",
    ),
    "import": Entry(
        "import_file:import_file",
        "Import submissions from a table; the same file again changes nothing.",
    ),
    "template": Entry(
        "template:template",
        "Write an empty .xlsx file with the headings of a type, help, and drop-downs.",
    ),
    "submit": Entry("submit:submit", "Declare one achievement of a unit."),
    "token": Entry(
        "token:token", "Print a token of the local issuer, for KIENG_TOKEN or another program."
    ),
    "verify": Entry(
        "verify:verify",
        "Recompute the view from a log, with no service and no database, and print its digest.",
    ),
    "submission": Entry("submission:app", "Read, list, export and change submissions."),
    "review": Entry("review:app", "See what waits for a decision, and decide."),
    "kpi": Entry("kpi:app", "Read the numbers and the works behind them."),
    "report": Entry(
        "report:report", "Report on a unit: its targets, its children ranked, and what moved most."
    ),
    "catalogue": Entry(
        "catalogue:app", "Publish catalogues of indicators, and try them out beforehand."
    ),
    "edition": Entry("edition:app", "Close periods, verify them, and list what changed since."),
    "unit": Entry("unit:app", "Publish the tree of units, and find units."),
    "partner": Entry("partner:app", "Register and find partners."),
    "proposal": Entry("proposal:app", "List, read and vote on changes that bind all institutions."),
    "target": Entry("target:app", "Set and list yearly targets."),
    "inbox": Entry("inbox:app", "Read your notifications."),
    "subscription": Entry("subscription:app", "Choose what is sent by e-mail."),
    "topics": Entry("topics:app", "Create the topics, or show what is missing."),
    "issuer": Entry("issuer:app", "Create a token issuer, for trials only."),
    "certificate": Entry("certificate:app", "Create a certificate for TLS, for trials only."),
    "config": Entry("config:app", "Check and print the settings of the services."),
    "db": Entry("db:app", "Create indexes and run migrations, or show what is missing."),
    "backup": Entry("backup:app", "Back up everything that cannot be recomputed, and restore it."),
    "log": Entry("log:app", "Export, republish or repartition the log."),
    "parked": Entry("parked:app", "Show, repair and dismiss records that could not be counted."),
}
"""Name -> command, in the order of the help."""

read_plainly()
show_in_language()
app = typer.Typer(
    name="kieng",
    cls=lazy_group(COMMANDS),
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Live, exact and provable indicators of universities that report together.",
    epilog="Example: kieng up, then in another window: kieng doctor",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        # Imported only here, because it loads the parsers of the email package.
        from importlib.metadata import version

        typer.echo(version("kieng"))
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    wanted: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    lang: LangOption = Lang.vi,
) -> None:
    """Live, exact and provable indicators of universities that report together.

    Example: kieng up, then in another window: kieng doctor
    """
    # For the command, whose own option takes precedence, and for the processes that it starts.
    os.environ[VARIABLE] = lang
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
