"""`kieng subscription ...`: shows and sets which notifications are sent by e-mail, and where."""

from __future__ import annotations

from typing import Annotated

import typer

from kieng.notifications.v1 import notification_pb2
from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from services.cli.commands.inbox import LANGUAGES
from services.cli.errors import USAGE, Failure
from services.cli.session import Session, with_session
from services.cli.terminal.render import enum_text, message_json
from services.cli.terminal.screen import Screen
from services.texts import Lang

app = typer.Typer(no_args_is_help=True, help="Choose what is sent by e-mail.")

# Notifications go to those who submit.
ROLE = "contributor"


@app.command()
@with_session(ROLE, institution="", subject=True)
def show(
    session: Session,
) -> None:
    """Show which notifications are sent by e-mail, and where.

    Example: kieng subscription show --institution vnu
    """
    stub = session.stub(NotificationServiceStub)
    found = stub.GetSubscription(api.GetSubscriptionRequest()).subscription
    _answer(session.screen, found)


@app.command("set")
@with_session(ROLE, institution="", subject=True)
def set_subscription(
    session: Session,
    email: Annotated[str, typer.Option(help="Address; empty sends no e-mail.")] = "",
    kind: Annotated[
        list[str],
        typer.Option(help="Kind to send by e-mail, e.g. submission_returned. Repeatable."),
    ] = [],  # noqa: B006
    mail_lang: Annotated[Lang, typer.Option(help="Language of the texts.")] = Lang.vi,
    target_unit: Annotated[
        list[str], typer.Option(help="Unit whose reached targets are notified. Repeatable.")
    ] = [],  # noqa: B006
) -> None:
    """Replace the choice of notifications and the address.

    Example: kieng subscription set --email a@example.org --kind submission_returned
    --institution vnu
    """
    known = {enum_text(name, "KIND_"): number for name, number in notification_pb2.Kind.items()[1:]}
    if unknown := [name for name in kind if name.lower() not in known]:
        text = f"unknown kind {', '.join(unknown)}; known are {', '.join(known)}"
        raise Failure(text, USAGE)
    wanted = notification_pb2.Subscription(
        email=email,
        email_kinds=[known[name.lower()] for name in kind],
        language=LANGUAGES[mail_lang],
        target_unit_ids=target_unit,
    )
    stub = session.stub(NotificationServiceStub)
    answer = stub.SetSubscription(api.SetSubscriptionRequest(subscription=wanted))
    _answer(session.screen, answer.subscription)


@app.command()
@with_session(ROLE, institution="", subject=True)
def confirm(
    session: Session,
    code: Annotated[str, typer.Argument(help="The code of the e-mail.", metavar="{CODE}")],
) -> None:
    """Confirm the address by the code that was sent to it; mails go there from then on.

    Example: kieng subscription confirm K7WQ2-9XHTM --institution vnu
    """
    stub = session.stub(NotificationServiceStub)
    answer = stub.ConfirmEmail(api.ConfirmEmailRequest(code=code))
    _answer(session.screen, answer.subscription)


def _answer(screen: Screen, found: notification_pb2.Subscription) -> None:
    document = message_json(found)
    if found.email:
        # Shown even if false, because no e-mail is sent then.
        document["email_confirmed"] = found.email_confirmed
        if not found.email_confirmed:
            screen.say("subscription.confirm", email=found.email)
    kinds = [enum_text(notification_pb2.Kind.Name(kind), "KIND_") for kind in found.email_kinds]
    language = enum_text(notification_pb2.Language.Name(found.language), "LANGUAGE_")
    words = {
        "email_kinds": ", ".join(screen.text(f"notice.{kind}") for kind in kinds),
        "language": screen.text(f"language.{language}"),
    }
    screen.fields(document, {name: words[name] for name in words if name in document})
