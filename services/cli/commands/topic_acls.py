"""`kieng topics acl plan|apply`: shows missing rights of services on the broker, or grants them."""

from __future__ import annotations

from typing import Annotated

import typer
from kafka.errors import SecurityDisabledError

from services.cli.admin import acls
from services.cli.commands.topics import Bootstrap, connected
from services.cli.errors import NO, Failure
from services.cli.session import Session, with_session

app = typer.Typer(no_args_is_help=True, help="Grant the services their rights on the broker.")

Prefix = Annotated[str, typer.Option(help="What the names of the users begin with.")]


@app.command("plan")
@with_session()
def plan_acls(session: Session, bootstrap: Bootstrap = "", prefix: Prefix = acls.PREFIX) -> None:
    """Show rights that are missing and rights beside the table; exit code 1 if there are any.

    Example: kieng topics acl plan --kafka kafka-1:9092
    """
    _answer(session, bootstrap, prefix, is_applied=False)


@app.command("apply")
@with_session()
def apply_acls(session: Session, bootstrap: Bootstrap = "", prefix: Prefix = acls.PREFIX) -> None:
    """Grant missing rights, and tell those beside the table. Takes none away.

    Example: kieng topics acl apply --kafka kafka-1:9092
    """
    _answer(session, bootstrap, prefix, is_applied=True)


def _answer(session: Session, bootstrap: str, prefix: str, *, is_applied: bool) -> None:
    table, screen = acls.load(prefix=prefix), session.screen
    with connected(bootstrap, session) as admin:
        try:
            found = acls.apply(admin, table) if is_applied else acls.plan(admin, table)
        except SecurityDisabledError as error:
            raise Failure(screen.text("topics.unguarded"), NO) from error
    missing, surplus = [*map(str, found.missing)], [*map(str, found.surplus)]
    word = "granted" if is_applied else "missing"

    def lines() -> str:
        listed = [f"{screen.text(f'topics.{word}')}: {right}" for right in missing]
        listed += [f"{screen.text('topics.surplus')}: {right}" for right in surplus]
        return "\n".join(listed) or screen.text("topics.granted_all")

    screen.answer({word: missing, "surplus": surplus}, lines)
    if not is_applied and (missing or surplus):
        raise typer.Exit(NO)
