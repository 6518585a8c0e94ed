"""Pages of an inbox; a page token is opaque and bound to its query."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from kieng.notifications.v1 import notification_service_pb2
from services.kernel.errors import InvalidArgument
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
    digest = digest_of(recipient, request.unread_only)
    limit = request.page_size or ROWS_DEFAULT
    found = inbox.page(
        recipient,
        unread_only=request.unread_only,
        before=decode_token(request.page_token, digest),
        limit=limit + 1,
    )
    rows = found[:limit]
    return Page(rows, encode_token(digest, rows[-1].order) if len(found) > limit else "")


def digest_of(recipient: str, unread_only: bool) -> str:
    """Return the digest that identifies a query."""
    return hashlib.sha256(f"{recipient}\x1f{unread_only}".encode()).hexdigest()[:16]


def encode_token(digest: str, last_order: str) -> str:
    """Return the token of the page that follows a notification."""
    return base64.urlsafe_b64encode(f"{digest}/{last_order}".encode()).decode()


def decode_token(token: str, digest: str) -> str:
    """Return the order value that a page follows; empty for the first page.

    Raises:
        InvalidArgument: the token is malformed or belongs to another query.
    """
    if not token:
        return ""
    try:
        given, _, last_order = base64.urlsafe_b64decode(token).decode().partition("/")
    except ValueError:
        given, last_order = "", ""
    if given != digest:
        text = "is of another query; begin again without it"
        raise InvalidArgument(f"page_token: {text}", fields={"page_token": text})
    return last_order
