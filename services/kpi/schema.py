"""What lies in the database of the KPI processes, for their start, `kieng db`, `kieng backup`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo.database import Database

from services.kpi.store.documents import DATABASE, DOCUMENTS, declare
from services.kpi.store.migrations import MIGRATIONS

__all__ = ["DERIVED", "DOCUMENTS", "MIGRATIONS", "databases", "declare", "restored"]

DERIVED = frozenset({"progress", "cells", "works", "changes", "parked"})
"""Collections that a backup leaves out, because they are made again from the log."""


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the names of the databases, whatever the institutions are."""
    return [DATABASE]


def restored(database: Database[dict[str, Any]]) -> None:
    """Retire every view: its cells are gone with its log, but its number stays taken.

    Safe to repeat.
    """
    database["pointer"].delete_many({})
    database["views"].update_many({}, {"$set": {"state": "retired", "phase": ""}})
