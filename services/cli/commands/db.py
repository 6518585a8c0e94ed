"""`kieng db plan|apply`: indexes and data migrations of every service's databases."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pymongo.errors import PyMongoError

from services.cli import options
from services.cli.admin import database_schema
from services.cli.client.local_issuer import CONSORTIUM, LocalIssuer
from services.cli.client.stack import Stack, find
from services.cli.errors import DOWN, NO, USAGE, Failure
from services.cli.local import embedded
from services.cli.terminal.screen import Screen
from services.kernel.config import KernelSettings, load
from services.kernel.mongo import Mongo

app = typer.Typer(no_args_is_help=True, help="Prepare the databases, or see what they lack.")

Uri = Annotated[str, typer.Option("--mongo", help="Database, a URI; else the stack's.")]
Institutions = Annotated[
    list[str],
    typer.Option("--institution", help="Institutions; else KIENG_INSTITUTIONS or the stack's."),
]


@contextmanager
def database_server(uri: str, stack: Stack) -> Iterator[Mongo]:
    """Open the database that is named, that of the settings, or that of the stack.

    Raises:
        Failure: nobody said which, or it does not answer.
    """
    settings = load(KernelSettings)
    given = settings.mongo_uri if "mongo_uri" in settings.model_fields_set else ""
    address = uri or given or stack.mongo
    if not address:
        raise Failure("which database? Give --mongo URI, or set KIENG_MONGO_URI", USAGE)
    if reason := embedded.mongo_unready(address):
        raise Failure(f"no MongoDB: {reason}", DOWN)
    mongo = Mongo(address, settings.mongo_timeout_ms)
    try:
        yield mongo
    except PyMongoError as error:
        raise Failure(f"MongoDB: {error}", DOWN) from error
    finally:
        mongo.close()


def institutions_here(named: list[str], stack: Stack) -> list[str]:
    """Return the institutions named, those of the environment, or those of the local stack."""
    listed = os.environ.get("KIENG_INSTITUTIONS", "").strip("[] ").replace('"', "")
    here = LocalIssuer(stack.issuer_folder).institutions()
    return (
        named
        or [name.strip() for name in listed.split(",") if name.strip()]
        or [name for name in here if name != CONSORTIUM]
    )


@app.command("plan")
def plan_databases(
    uri: Uri = "",
    institution: Institutions = [],  # noqa: B006 - typer reads it, nobody changes it
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Say which indexes and migrations the databases lack; exit code 1 when any.

    Example: kieng db plan --mongo mongodb://db-1/?replicaSet=rs
    """
    stack = find(data)
    found: list[database_schema.Difference] = []
    with database_server(uri, stack) as mongo:
        names = database_schema.institutions_known(mongo, institutions_here(institution, stack))
        for schema, name in database_schema.databases(names):
            found += database_schema.plan(schema, mongo.database(name))
    screen = Screen(output, lang)
    lines = [str(difference) for difference in found]
    screen.answer({"differences": lines}, lambda: "\n".join(lines) or screen.text("db.same"))
    if found:
        raise typer.Exit(NO)


@app.command("apply")
def apply_databases(
    uri: Uri = "",
    institution: Institutions = [],  # noqa: B006 - typer reads it, nobody changes it
    output: options.OutputAs = options.TABLE,
    lang: options.Language = options.VI,
    data: options.Data = options.DATA_DEFAULT,
) -> None:
    """Run pending migrations and create missing indexes; safe to repeat and beside itself.

    An index that no release declares is told and left. Exit code 1 when a restore was cut off.

    Example: kieng db apply --mongo mongodb://db-1/?replicaSet=rs
    """
    stack, screen = find(data), Screen(output, lang)
    run: list[str] = []
    left: list[database_schema.Difference] = []
    with database_server(uri, stack) as mongo:
        names = database_schema.institutions_known(mongo, institutions_here(institution, stack))
        wanted = list(database_schema.databases(names))
        with screen.progress() as progress:
            task = progress.add_task("", total=len(wanted))
            for schema, name in wanted:
                progress.update(task, description=name)
                left += database_schema.apply(schema, mongo.database(name), run.append)
                progress.advance(task)
    stays = [str(difference) for difference in left]
    document = {"databases": [name for _, name in wanted], "migrations": run, "left": stays}

    def lines() -> str:
        counts = screen.text("db.applied", databases=len(wanted), migrations=len(run))
        return "\n".join([*run, *stays, counts])

    screen.answer(document, lines)
    if any(difference.aspect == "restore" for difference in left):
        raise typer.Exit(NO)
