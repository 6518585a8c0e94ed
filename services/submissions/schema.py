"""Schema of the submissions databases, for the service, `kieng db` and `kieng backup`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymongo.database import Database

from services.kernel import mongo
from services.submissions.batches import OUTBOX
from services.submissions.documents import SubmissionDocument

DOCUMENTS = (SubmissionDocument,)
MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = ()
"""Schema migrations, in order, append-only and idempotent. Their count is the schema version."""
DERIVED = frozenset({OUTBOX})
"""Collections that a backup omits, because a restore publishes everything again."""


def database_name(institution_id: str) -> str:
    """Return the name of an institution's database."""
    return f"kieng_submissions_{institution_id}"


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the names of the databases, one per institution."""
    return [database_name(institution_id) for institution_id in institutions]


def declare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes that are missing; see `mongo.declare`."""
    mongo.declare(database, DOCUMENTS, len(MIGRATIONS))


def restored(database: Database[dict[str, Any]]) -> None:
    """Empty all outboxes, since the whole log is republished. Safe to repeat."""
    waiting = {"outbox_pending": True}
    database["submissions"].update_many(waiting, {"$set": {"outbox": [], "outbox_pending": False}})
    database[OUTBOX].delete_many({})
