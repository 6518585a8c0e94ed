"""`kieng inbox ...`: lists, watches and marks the notifications of a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from kieng.notifications.v1 import notification_pb2
from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from kieng.submissions.v1.submission_pb2 import STATE_RETURNED, Submission
from kieng.submissions.v1.submission_service_pb2 import GetSubmissionRequest
from kieng.submissions.v1.submission_service_pb2_grpc import SubmissionServiceStub
from services.cli.client.id_prefixes import completed
from services.cli.errors import Failure
from services.cli.session import Session, with_session
from services.cli.terminal.render import message_json, time_text
from services.cli.terminal.submission_tables import state_text, title_of
from services.texts import Lang

app = typer.Typer(no_args_is_help=True, help="Read your notifications.")

REFUSED = (
    notification_pb2.KIND_SUBMISSION_RETURNED,
    notification_pb2.KIND_SUBMISSION_REJECTED,
    notification_pb2.KIND_SUBMISSION_WITHDRAWN,
)
READ_MAX = 50
LANGUAGES = {Lang.vi: notification_pb2.LANGUAGE_VI, Lang.en: notification_pb2.LANGUAGE_EN}
# Notifications go to those who submit.
ROLE = "contributor"
LISTED_MAX = 500
"""Maximum number of notifications in a list, in which abbreviated ids are looked up as well."""


@app.command("list")
@with_session(ROLE, institution="", subject=True)
def list_notifications(
    session: Session,
    unread: Annotated[bool, typer.Option("--unread", help="Unread ones only.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=LISTED_MAX, help="Maximum number of rows.")] = 50,
) -> None:
    """List notifications: unread returns first, as they wait for you; then the newest first.

    Example: kieng inbox list --institution vnu --unread
    """
    request = api.ListNotificationsRequest(
        unread_only=unread, page_size=LISTED_MAX, language=LANGUAGES[session.screen.lang]
    )
    answer = session.stub(NotificationServiceStub).ListNotifications(request)
    found = sorted(answer.notifications, key=waits, reverse=True)[:limit]
    about = submissions_of(session, found)
    listed = [message_json(told) | _submission_json(about.get(told.about)) for told in found]
    document = {"unread": answer.unread, "notifications": listed}
    session.screen.answer(document, lambda: _shown(session, found, about))


@app.command()
@with_session(ROLE, institution="", subject=True)
def watch(
    session: Session,
) -> None:
    """Print notifications as they are made, until Ctrl-C.

    Example: kieng inbox watch --institution vnu
    """
    stub = session.stub(NotificationServiceStub)
    request = api.WatchNotificationsRequest(language=LANGUAGES[session.screen.lang])
    for message in stub.WatchNotifications(request):
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


def waits(told: notification_pb2.Notification) -> bool:
    """Return True if a notification is unread and asks its reader to correct a submission."""
    is_returned = told.kind == notification_pb2.KIND_SUBMISSION_RETURNED
    return is_returned and not told.HasField("read_at")


def submissions_of(
    session: Session, found: Iterable[notification_pb2.Notification]
) -> dict[str, Submission]:
    """Return `about` of a notification -> the submission that was refused or withdrawn, as it is.

    A notification does not contain the reason and, since the submission counts nowhere, not the
    title either: it may leave the institution by e-mail. Only the first `READ_MAX` submissions are
    read; those that cannot be read are left out.

    Args:
        session: session of the reader.
        found: notifications; their field `about` is e.g. `submission:vnu.0192f0c1-...`.
    """
    about = dict.fromkeys(told.about for told in found if told.kind in REFUSED)
    read = {}
    for each in list(about)[:READ_MAX]:
        request = GetSubmissionRequest(submission_id=each.removeprefix("submission:"))
        try:
            answer = session.stub(SubmissionServiceStub).GetSubmission(request)
        except Failure:
            # The reader may no longer see it, or the service is down; the inbox is shown anyway.
            continue
        read[each] = answer.submission
    return read


def _submission_json(submission: Submission | None) -> dict[str, str]:
    if submission is None:
        return {}
    told = {"title": title_of(submission.content), "state": state_text(submission)}
    return told | {"reason": submission.reason}


def _shown(
    session: Session,
    found: Sequence[notification_pb2.Notification],
    about: Mapping[str, Submission],
) -> RenderableType:
    """Return the notifications as a table, and how to mend the first submission that waits."""
    screen = session.screen
    columns = ("subject", "title", "state", "reason", "about", "created_at", "read_at")
    table = screen.table(*columns, "notification_id")
    for told in found:
        submission = about.get(told.about, Submission())
        title = title_of(submission.content)
        state = screen.text(f"state.{state_text(submission)}") if told.about in about else ""
        table.add_row(
            told.subject,
            "" if title in told.subject else title,
            state,
            submission.reason,
            told.about.removeprefix("submission:"),
            time_text(told.created_at, screen.lang),
            time_text(told.read_at, screen.lang),
            told.notification_id,
        )
    waiting = (each for told in found if waits(told) and (each := about.get(told.about)))
    returned = (each.submission_id for each in waiting if each.state == STATE_RETURNED)
    if (first := next(returned, None)) is None:
        return table
    return Group(table, screen.text("inbox.next", submission_id=first, options=session.options))
