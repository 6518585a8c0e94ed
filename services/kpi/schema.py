"""The KPI database as the tools see it: name, collections, migrations and restoring.

Used at service start, by `kieng db` and by `kieng backup`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo.database import Database

from services.kpi.store.documents import DATABASE, DOCUMENTS, declare
from services.kpi.store.migrations import MIGRATIONS

__all__ = ["DERIVED", "DOCUMENTS", "MIGRATIONS", "databases", "declare", "restored"]

DERIVED = frozenset({"progress", "cells", "works", "bundles", "changes", "parked"})
"""Names of collections that a backup leaves out, because they are rebuilt from the log."""


def databases(institutions: Sequence[str]) -> list[str]:
    """Return the names of the KPI databases: always the only one, whatever the institutions.

    The parameter exists because other services have one database for each institution.
    """
    return [DATABASE]


def restored(database: Database[dict[str, Any]]) -> None:
    """Adapt a restored database: keep only the view that was live, and mark it as refused.

    Its cells were not in the backup, so no view is live afterwards. The next view continues from
    its catalogue and generation. Does nothing without a live view; safe to run twice.
    """
    pointer = database["pointer"].find_one({}) or {}
    views = list(database["views"].find({}))
    live = [v for v in views if v["_id"] == pointer.get("view_id") or v["state"] == "live"]
    if live:
        kept = max(
            live, key=lambda view: (view["_id"] == pointer.get("view_id"), view["opened_at"])
        )
        generation = max(view["generation"] for view in views)
        text = "its cells were not in the backup; the log is published anew"
        over = {"state": "refused", "phase": "", "reason": text, "generation": generation}
        database["views"].update_one({"_id": kept["_id"]}, {"$set": over})
        database["views"].delete_many({"_id": {"$ne": kept["_id"]}})
        database["pointer"].delete_many({})
