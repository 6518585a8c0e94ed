"""`kieng inbox ...`: lists, watches and marks the notifications of a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.table import Table

from kieng.notifications.v1 import notification_pb2
from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from services.cli.client.id_prefixes import completed
from services.cli.session import Session, with_session
from services.cli.terminal.render import message_json, time_text
from services.cli.terminal.screen import Screen

app = typer.Typer(no_args_is_help=True, help="Read your notifications.")

# Whoever submits is notified.
ROLE = "contributor"
LISTED_MAX = 500
"""Maximum number of notifications in a list, among which the beginning of an id is looked up."""


@app.command("list")
@with_session(ROLE, institution="", subject=True)
def list_notifications(
    session: Session,
    unread: Annotated[bool, typer.Option("--unread", help="Unread ones only.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="Maximum number of rows.")] = 50,
) -> None:
    """List notifications, newest first.

    Example: kieng inbox list --institution vnu --unread
    """
    request = api.ListNotificationsRequest(unread_only=unread, page_size=limit)
    answer = session.stub(NotificationServiceStub).ListNotifications(request)
    found = list(answer.notifications)
    document = {"unread": answer.unread, "notifications": [message_json(n) for n in found]}
    session.screen.answer(document, lambda: _table(session.screen, found))


@app.command()
@with_session(ROLE, institution="", subject=True)
def watch(
    session: Session,
) -> None:
    """Print notifications as they are made, until Ctrl-C.

    Example: kieng inbox watch --institution vnu
    """
    stub = session.stub(NotificationServiceStub)
    for message in stub.WatchNotifications(api.WatchNotificationsRequest()):
        if not message.HasField("notification"):
            continue
        told = message.notification
        if session.screen.is_json:
            session.screen.json_line(message_json(told))
        else:
            line = f"{time_text(told.created_at, session.screen.lang)}  {told.subject}"
            session.screen.answers.print(line)


@app.command()
@with_session(ROLE, institution="", subject=True)
def read(
    session: Session,
    ids: Annotated[
        list[str],
        typer.Argument(metavar="ID...", help="Notifications; the beginning of an id will do."),
    ],
) -> None:
    """Mark notifications as read.

    Example: kieng inbox read 0192f0c1-... --institution vnu
    """
    stub = session.stub(NotificationServiceStub)
    listed = stub.ListNotifications(api.ListNotificationsRequest(page_size=LISTED_MAX))
    known = [told.notification_id for told in listed.notifications]
    request = api.MarkReadRequest(notification_ids=[completed(given, known) for given in ids])
    marked = stub.MarkRead(request).marked
    screen = session.screen
    screen.answer({"marked": marked}, lambda: screen.text("inbox.marked", marked=marked))


def _table(screen: Screen, found: Iterable[notification_pb2.Notification]) -> Table:
    table = screen.table("notification_id", "created_at", "subject", "about", "read_at")
    for told in found:
        table.add_row(
            told.notification_id,
            time_text(told.created_at, screen.lang),
            told.subject,
            told.about,
            time_text(told.read_at, screen.lang),
        )
    return table
