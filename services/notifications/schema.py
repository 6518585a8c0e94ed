"""Name, indexes and migrations of the notifications database.

Used by the service, `kieng db` and `kieng backup`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymongo.database import Database

from services.kernel import mongo
from services.notifications.documents import (
    DeliveryDocument,
    NotificationDocument,
    SubscriptionDocument,
)

DATABASE = "kieng_notifications"
DOCUMENTS = (NotificationDocument, SubscriptionDocument, DeliveryDocument)
MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = ()
"""Idempotent schema migrations in order, append-only; their number is the schema version."""
DERIVED: frozenset[str] = frozenset()
"""Names of the collections that a backup omits because they are derived from others; here none."""


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the names of the service's databases: one, shared by all institutions.

    The schema of every service has this function, so ``institutions`` is ignored here.
    """
    return [DATABASE]


def declare(database: Database[dict[str, Any]]) -> None:
    """Check the notifications database and create its missing indexes; see `mongo.declare`."""
    mongo.declare(database, DOCUMENTS, len(MIGRATIONS))


def restored(database: Database[dict[str, Any]]) -> None:
    """Do nothing to a restored database: notifications stay, and pending e-mails will be sent.

    The schema of every service has this function, which adapts a restored database.
    """
