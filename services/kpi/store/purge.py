"""Deletes views that cannot become live any more, a few documents at a time."""

from __future__ import annotations

from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE
from services.kpi.store.views import View
from services.kpi.store.works import chunks

DOCUMENTS_PER_STEP = 500
COLLECTIONS = ("works", "bundles", "cells", "parked", "changes", "progress")


class ViewPurge:
    """Deletes the documents of views. Safe to run in several processes at once."""

    def __init__(self, mongo: Mongo) -> None:
        self._database = mongo.database(DATABASE)

    def step(self, view: View) -> bool:
        """Delete some documents of a view; return whether there were any.

        If there were none, the view is marked as removed. The document of the view itself is kept,
        because its number must not be reused.

        Args:
            view: one of `Views.purgeable`.
        """
        for name in COLLECTIONS:
            collection = self._database[name]
            found = collection.find({"v": view.view_id}, {"_id": 1}).limit(DOCUMENTS_PER_STEP)
            ids = [document["_id"] for document in found]
            for some in chunks(ids):
                collection.delete_many({"_id": {"$in": list(some)}})
            if ids:
                return True
        expected = {"_id": view.view_id, "state": view.state}
        self._database["views"].update_one(expected, {"$set": {"state": "removed", "reason": ""}})
        return False
