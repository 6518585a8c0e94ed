"""Name, indexes and migrations of the partners database.

Used by the service, `kieng db` and `kieng backup`.
"""

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
"""Idempotent schema migrations in order, append-only; their number is the schema version."""
DERIVED: frozenset[str] = frozenset()
"""Names of the collections that a backup omits because they are derived from others; here none."""


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the names of the service's databases: one, shared by all institutions.

    The schema of every service has this function, so ``institutions`` is ignored here.
    """
    return [DATABASE]


def declare(database: Database[dict[str, Any]]) -> None:
    """Check the partners database and create its missing indexes; see `mongo.declare`."""
    mongo.declare(database, DOCUMENTS, len(MIGRATIONS))


def restored(database: Database[dict[str, Any]]) -> None:
    """Mark every document of a restored database as unpublished; safe to repeat.

    The topics may lack events that the backup contains, so all are published again.
    """
    for name in ("directories", "partners", "proposals"):
        database[name].update_many({}, {"$set": {"unsent": True}})
