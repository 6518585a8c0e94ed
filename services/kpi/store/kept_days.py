"""Stores kept days: the live view as it was at the end of each day, in compact form."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from services.kernel.mongo import Mongo
from services.kpi.store.blobs import Parts
from services.kpi.store.documents import DATABASE


@dataclass(frozen=True, slots=True)
class KeptDay:
    """The metadata of a kept day, i.e. of the live view's state when the day had ended.

    Args:
        day: the day, `YYYY-MM-DD`, in the time zone of the KPI service.
        view_id: id of the view that was live.
        catalogue_version: its catalogue version.
        taken_at: time of the copy, soon after the end of the day.
        next_offsets: partition -> offset of the next record.
        newest_event_ms: time of the newest event, in ms since 1970.
        parked: number of parked records.
        digest: digest over all cells.
    """

    day: str
    view_id: str
    catalogue_version: int
    taken_at: datetime
    next_offsets: Mapping[int, int]
    newest_event_ms: int
    parked: int
    digest: str


class Days:
    """The store of kept days. Thread-safe; if several processes store a day, one succeeds."""

    def __init__(self, mongo: Mongo) -> None:
        self._days = mongo.database(DATABASE)["days"]
        self._parts = Parts(mongo)

    def has(self, view_id: str, day: str) -> bool:
        """Return True if this day of the view is kept.

        Args:
            view_id: id of the view.
            day: the day, `YYYY-MM-DD`.
        """
        return self._days.find_one({"_id": f"{view_id}|{day}"}, {"_id": 1}) is not None

    def keep(self, kept: KeptDay, content: bytes) -> bool:
        """Store a kept day; return False, storing nothing, if another process has stored it.

        Args:
            kept: its metadata.
            content: all rows, as `wire.rows.encode_rows` encodes them.
        """
        # The document is inserted last, so that its readers also find all parts.
        owner = f"day|{kept.view_id}|{kept.day}|{uuid.uuid4()}"
        count = self._parts.put(owner, content)
        document = {
            "_id": f"{kept.view_id}|{kept.day}",
            "day": kept.day,
            "view_id": kept.view_id,
            "catalogue_version": kept.catalogue_version,
            "taken_at": kept.taken_at,
            "next_offsets": {str(p): offset for p, offset in kept.next_offsets.items()},
            "newest_event_ms": kept.newest_event_ms,
            "parked": kept.parked,
            "digest": kept.digest,
            "owner": owner,
            "parts": count,
        }
        try:
            self._days.insert_one(document)
        except DuplicateKeyError:
            self._parts.drop(owner)
            return False
        return True

    def find(self, day: str) -> tuple[KeptDay, bytes] | None:
        """Return a kept day's metadata and its encoded rows; None if the day is not kept.

        If several views kept the day, the one that was stored first is returned: it was live then.

        Args:
            day: the day, `YYYY-MM-DD`.
        """
        found = self._days.find_one({"day": day}, sort=[("taken_at", ASCENDING)])
        if found is None:
            return None
        return _kept(found), self._parts.get(found["owner"], found["parts"])

    def around(self, day: str) -> tuple[str, str]:
        """Return the nearest kept days before and after a day; empty where there is none.

        All are written as `YYYY-MM-DD`.
        """
        before = self._days.find_one({"day": {"$lt": day}}, sort=[("day", DESCENDING)])
        after = self._days.find_one({"day": {"$gt": day}}, sort=[("day", ASCENDING)])
        return before["day"] if before else "", after["day"] if after else ""

    def all(self) -> list[KeptDay]:
        """Return all kept days, newest first."""
        return [_kept(found) for found in self._days.find({}, sort=[("day", DESCENDING)])]

    def prune(self, today: date, days: int) -> int:
        """Delete kept days that are too old, except firsts of months; return the number deleted.

        Args:
            today: the present day.
            days: age in days from which they are too old.
        """
        oldest = (today - timedelta(days=days)).isoformat()
        old = [d for d in self._days.find({"day": {"$lt": oldest}}) if d["day"][8:] != "01"]
        for document in old:
            self._days.delete_one({"_id": document["_id"]})
            self._parts.drop(document["owner"])
        return len(old)


def _kept(document: Mapping[str, Any]) -> KeptDay:
    return KeptDay(
        document["day"],
        document["view_id"],
        document["catalogue_version"],
        document["taken_at"],
        {int(p): offset for p, offset in document["next_offsets"].items()},
        document["newest_event_ms"],
        document["parked"],
        document["digest"],
    )
