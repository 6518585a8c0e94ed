"""Pages of an inbox; a page token is opaque and bound to its query."""

from __future__ import annotations

from dataclasses import dataclass

from kieng.notifications.v1 import notification_service_pb2
from services.kernel.paging import Pages
from services.notifications.domain import Notification
from services.notifications.store import Inbox

ROWS_DEFAULT = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Notifications, newest first, and the token of the next page; empty after the last."""

    rows: list[Notification]
    next_token: str


def page_of(
    inbox: Inbox, recipient: str, request: notification_service_pb2.ListNotificationsRequest
) -> Page:
    """Return one page of a person's inbox.

    Raises:
        InvalidArgument: the token belongs to another query. The caller's fault.
    """
    pages = Pages([recipient, request.unread_only])
    limit = request.page_size or ROWS_DEFAULT
    found = inbox.page(
        recipient,
        unread_only=request.unread_only,
        before=pages.after(request.page_token),
        limit=limit + 1,
    )
    rows = found[:limit]
    return Page(rows, pages.token(rows[-1].order) if len(found) > limit else "")
