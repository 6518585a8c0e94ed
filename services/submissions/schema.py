"""Names, indexes and migrations of the submissions databases.

Used by the service, `kieng db` and `kieng backup`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymongo.database import Database

from services.kernel import mongo
from services.submissions.batches import OUTBOX
from services.submissions.documents import SubmissionDocument

DOCUMENTS = (SubmissionDocument,)
MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = ()
"""Idempotent schema migrations in order, append-only; their number is the schema version."""
DERIVED = frozenset({OUTBOX})
"""Names of the collections that a backup omits because a restore publishes everything again."""


def database_name(institution_id: str) -> str:
    """Return the name of the database that holds an institution's submissions."""
    return f"kieng_submissions_{institution_id}"


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the database names of the institutions with these ids, in the same order."""
    return [database_name(institution_id) for institution_id in institutions]


def declare(database: Database[dict[str, Any]]) -> None:
    """Check a submissions database and create its missing indexes; see `mongo.declare`."""
    mongo.declare(database, DOCUMENTS, len(MIGRATIONS))


def restored(database: Database[dict[str, Any]]) -> None:
    """Empty all outboxes of a restored database; safe to repeat.

    Their events are not lost, because a restore is followed by republishing the whole log.
    """
    waiting = {"outbox_pending": True}
    database["submissions"].update_many(waiting, {"$set": {"outbox": [], "outbox_pending": False}})
    database[OUTBOX].delete_many({})
