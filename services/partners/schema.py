"""What lies in the database of partners, for the service, `kieng db` and `kieng backup`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymongo.database import Database

from services.kernel import mongo
from services.partners.documents import DirectoryDocument, PartnerDocument

DATABASE = "kieng_partners"
DOCUMENTS = (DirectoryDocument, PartnerDocument)
MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = ()
"""Changes of stored data, in order, for ever; each may run twice. The version is their number."""
DERIVED: frozenset[str] = frozenset()
"""Collections that a backup leaves out, because they are made again from others."""


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the names of the databases, whatever the institutions are."""
    return [DATABASE]


def declare(database: Database[dict[str, Any]]) -> None:
    """Create the indexes that are missing; see `mongo.declare`."""
    mongo.declare(database, DOCUMENTS, len(MIGRATIONS))


def restored(database: Database[dict[str, Any]]) -> None:
    """Have everything published again: the log that knew it is gone. Safe to repeat."""
    for name in ("directories", "partners"):
        database[name].update_many({}, {"$set": {"unsent": True}})
