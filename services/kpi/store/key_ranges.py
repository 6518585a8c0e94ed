"""Reads works in order of key, in ranges of keys if the database would sort all of them first.

MongoDB walks an index that includes the key and stops at the limit. A database that sorts first, as
the embedded one does, would read every work of a unit for each page. There the keys are divided
into ranges once per unit, so that a page costs what it holds. Bounds of ranges may be outdated:
they affect how much is read at a time, not what is found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from bson import json_util
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

RANGE_WORKS = 50
GROWN = 4
"""Factor by which a range may outgrow `RANGE_WORKS` before the keys are divided again."""
BOUNDS_KEPT = 500
"""Maximum number of queries whose bounds are remembered, with one key per `RANGE_WORKS` works."""

Document = dict[str, Any]
Query = Mapping[str, Any]


class KeyRanges:
    """Reads documents of one collection in order of their field `k`. Thread-safe.

    Args:
        collection: the collection.
        fields: projection: name -> 1 for each field to return, which must include `k`.
    """

    def __init__(self, collection: Collection[Document], fields: Mapping[str, int]) -> None:
        self._collection = collection
        self._fields = fields
        self._bounds: OrderedDict[str, list[str]] = OrderedDict()
        self._guard = Lock()
        self._is_sorting: bool | None = None

    def read(
        self, query: Query, after: str, limit: int, session: ClientSession
    ) -> Iterator[Document]:
        """Yield the documents that match a query, in order of key.

        May yield more than ``limit``, so the caller has to stop; only as much as needed is read.

        Args:
            query: equalities, covered by an index that continues with `k`.
            after: only keys after this one; empty for all.
            limit: number of documents that the caller wants, to choose how to read; 0 for all.
            session: database session of the snapshot.
        """
        if not limit or not self._sorts(query):
            wanted = {**query, "k": {"$gt": after}} if after else dict(query)
            found = self._collection.find(wanted, self._fields, session=session)
            yield from found.sort("k", 1).limit(limit)
            return
        name = json_util.dumps(query, sort_keys=True)
        bounds = self._known(name) or self._cut(name, query, session)
        for bound in [*(bound for bound in bounds if bound > after), ""]:
            between = {"$gt": after, **({"$lte": bound} if bound else {})}
            found = self._collection.find({**query, "k": between}, self._fields, session=session)
            documents = sorted(found, key=lambda document: str(document["k"]))
            if len(documents) > GROWN * RANGE_WORKS:
                self._forget(name)
            yield from documents
            after = bound

    def _sorts(self, query: Query) -> bool:
        """Return True if the database would read and sort all documents before the first.

        Asked once and cached.
        """
        if self._is_sorting is None:
            find = {"find": self._collection.name, "filter": dict(query), "sort": {"k": 1}}
            asked = {"explain": {**find, "limit": 1}, "verbosity": "queryPlanner"}
            plan = self._collection.database.command(asked)["queryPlanner"]["winningPlan"]
            self._is_sorting = _has_stage(plan, "SORT")
        return self._is_sorting

    def _known(self, name: str) -> list[str] | None:
        with self._guard:
            if name in self._bounds:
                self._bounds.move_to_end(name)
            return self._bounds.get(name)

    def _cut(self, name: str, query: Query, session: ClientSession) -> list[str]:
        found = self._collection.find(query, {"k": 1}, session=session)
        bounds = sorted(document["k"] for document in found)[RANGE_WORKS - 1 :: RANGE_WORKS]
        with self._guard:
            self._bounds[name] = bounds
            while len(self._bounds) > BOUNDS_KEPT:
                self._bounds.popitem(last=False)
        return bounds

    def _forget(self, name: str) -> None:
        with self._guard:
            self._bounds.pop(name, None)


def _has_stage(plan: Mapping[str, Any], name: str) -> bool:
    """Return True if a query plan, or one that it reads from, has a stage of this name."""
    below = [plan[key] for key in ("inputStage", "queryPlan") if key in plan]
    below += plan.get("inputStages", [])
    return plan.get("stage") == name or any(_has_stage(each, name) for each in below)
