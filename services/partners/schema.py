"""Schema of the partners database, for the service, `kieng db` and `kieng backup`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymongo.database import Database

from services.agreement.documents import ProposalDocument
from services.kernel import mongo
from services.partners.documents import DirectoryDocument, PartnerDocument

DATABASE = "kieng_partners"
DOCUMENTS = (DirectoryDocument, PartnerDocument, ProposalDocument)
MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = ()
"""Schema migrations, in order, append-only and idempotent. Their count is the schema version."""
DERIVED: frozenset[str] = frozenset()
"""Collections that a backup omits, because they are derived from others."""


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the names of the databases; the same for any institutions."""
    return [DATABASE]


def declare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes that are missing; see `mongo.declare`."""
    mongo.declare(database, DOCUMENTS, len(MIGRATIONS))


def restored(database: Database[dict[str, Any]]) -> None:
    """Mark everything as unpublished, because the log was lost. Safe to repeat."""
    for name in ("directories", "partners", "proposals"):
        database[name].update_many({}, {"$set": {"unsent": True}})
