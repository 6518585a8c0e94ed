"""What lies in the databases of submissions, for the service, `kieng db` and `kieng backup`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymongo.database import Database

from services.kernel import mongo
from services.submissions.documents import SubmissionDocument

DOCUMENTS = (SubmissionDocument,)
MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = ()
"""Changes of stored data, in order, for ever; each may run twice. The version is their number."""
DERIVED: frozenset[str] = frozenset()
"""Collections that a backup leaves out, because they are made again from others."""


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
    """Nothing waits in an outbox: the whole log is published anew. Safe to repeat."""
    waiting = {"outbox_pending": True}
    database["submissions"].update_many(waiting, {"$set": {"outbox": [], "outbox_pending": False}})
