"""`kieng db plan|apply`: shows missing indexes and migrations of all databases, or makes them."""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.admin import database, database_schema
from services.cli.errors import NO
from services.cli.session import Session, with_session
from services.refusals import in_language

app = typer.Typer(
    no_args_is_help=True, help="Create indexes and run migrations, or show what is missing."
)

Uri = Annotated[str, typer.Option("--mongo", help="Database URI (default: that of the stack).")]
Institutions = Annotated[
    list[str],
    typer.Option(
        "--institution", help="Institutions (default: KIENG_INSTITUTIONS, or those of the stack)."
    ),
]


@app.command("plan")
@with_session()
def plan_databases(
    session: Session,
    uri: Uri = "",
    institution: Institutions = [],  # noqa: B006  typer copies it
) -> None:
    """Show missing indexes and migrations of the databases; exit code 1 if there are any.

    Example: kieng db plan --mongo mongodb://db-1/?replicaSet=rs
    """
    stack = session.stack
    found: list[database_schema.Difference] = []
    with database.connect(uri, stack) as mongo:
        names = database.institutions(mongo, institution, stack)
        for schema, name in database_schema.databases(names):
            found += database_schema.plan(schema, mongo.database(name))
    screen = session.screen
    lines = [str(difference) for difference in found]

    def shown() -> str:
        told = (in_language(each, screen.lang) for each in lines)
        return "\n".join(told) or screen.text("db.same")

    screen.answer({"differences": lines}, shown)
    if found:
        raise typer.Exit(NO)


@app.command("apply")
@with_session()
def apply_databases(
    session: Session,
    uri: Uri = "",
    institution: Institutions = [],  # noqa: B006  typer copies it
) -> None:
    """Run pending migrations and create missing indexes; safe to repeat and to run concurrently.

    An undeclared index is reported and kept. Exit code 1 if a restore was interrupted.

    Example: kieng db apply --mongo mongodb://db-1/?replicaSet=rs
    """
    stack, screen = session.stack, session.screen
    run: list[str] = []
    left: list[database_schema.Difference] = []
    with database.connect(uri, stack) as mongo:
        names = database.institutions(mongo, institution, stack)
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
        told = (in_language(each, screen.lang) for each in stays)
        return "\n".join([*run, *told, counts])

    screen.answer(document, lines)
    if any(difference.aspect == "restore" for difference in left):
        raise typer.Exit(NO)
