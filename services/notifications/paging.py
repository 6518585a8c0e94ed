"""Reads an inbox page by page; a page token is valid only for the query that returned it."""

from __future__ import annotations

from dataclasses import dataclass

from kieng.notifications.v1 import notification_service_pb2
from services.kernel.paging import Pages
from services.notifications.domain import Notification
from services.notifications.store import Inbox

ROWS_DEFAULT = 50


@dataclass(frozen=True, slots=True)
class Page:
    """Notifications, newest first; ``next_token`` fetches the next page, empty on the last page."""

    rows: list[Notification]
    next_token: str


def page_of(
    inbox: Inbox, recipient: str, request: notification_service_pb2.ListNotificationsRequest
) -> Page:
    """Return the page that a request asks for, of the inbox of the person with this key.

    Raises:
        InvalidArgument: the caller sent a page token of another query.
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
