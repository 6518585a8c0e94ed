"""Reads the stored parked records of views, i.e. records that could not be folded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pymongo import ASCENDING

from services.kernel.mongo import Mongo
from services.kpi.domain.parking import Parked
from services.kpi.store.dismissals import Dismissal, Dismissals, Place
from services.kpi.store.documents import DATABASE
from services.kpi.store.view_documents import View


@dataclass(frozen=True, slots=True)
class StoredParked:
    """A parked record, i.e. one that could not be folded, as a view keeps it.

    Args:
        partition: number of its partition.
        offset: its offset.
        parked: reason and origin of the record; in lists without its value.
        is_open: True until a newer version of the submission has been folded.
        dismissal: the decision of an operator not to repair it; None if there is none.
    """

    partition: int
    offset: int
    parked: Parked
    is_open: bool
    dismissal: Dismissal | None = None

    @property
    def place(self) -> Place:
        """(partition, offset) of the record."""
        return self.partition, self.offset


class ParkedRecords:
    """The parked records of all views. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database(DATABASE)
        self._parked = database["parked"]
        self._dismissals = Dismissals(database)

    def page(
        self,
        view: View,
        institution_id: str,
        after: tuple[int, int],
        limit: int,
        *,
        with_mended: bool,
        with_dismissed: bool,
    ) -> list[StoredParked]:
        """Return a page of parked records, in order of partition and offset, without their values.

        Args:
            view: the view.
            institution_id: institution of the records; empty for all.
            after: partition and offset of the last record of the page before; (-1, -1) at first.
            limit: maximum number of records.
            with_mended: whether to include records that a newer version replaced.
            with_dismissed: whether to include records that an operator dismissed.
        """
        dismissals = self._dismissals.of_log(view.topic_id)
        query: dict[str, Any] = {"v": view.view_id}
        if institution_id:
            query["i"] = institution_id
        if not with_mended:
            query["open"] = True
        if not with_dismissed and dismissals:
            query["_id"] = {"$nin": [_id(view, place) for place in dismissals]}
        begun = {**query, "p": after[0], "o": {"$gt": after[1]}}
        found = list(self._find(begun, limit)) if after[0] >= 0 else []
        if len(found) < limit:
            found += self._find({**query, "p": {"$gt": after[0]}}, limit - len(found))
        records = [_decode(document) for document in found]
        return [replace(each, dismissal=dismissals.get(each.place)) for each in records]

    def _find(self, query: dict[str, Any], limit: int) -> Any:
        order = [("p", ASCENDING), ("o", ASCENDING)]
        return self._parked.find(query, {"value": 0}).sort(order).limit(limit)

    def of_work(self, view_id: str, work_key: str) -> list[Parked]:
        """Return the open parked records of a work, without their values, in order of the log.

        All parked records are scanned, as there are few.
        """
        query = {"v": view_id, "open": True, "k": work_key}
        return [_decode(document).parked for document in self._find(query, 0)]

    def get(self, view: View, place: Place) -> StoredParked | None:
        """Return one parked record with its value; None if there is none at this place."""
        found = self._parked.find_one({"_id": _id(view, place)})
        if found is None:
            return None
        return replace(_decode(found), dismissal=self._dismissals.get(view.topic_id, place))

    def dismiss(self, view: View, place: Place, dismissal: Dismissal) -> Dismissal:
        """Store the dismissal of a record, unless it has one; return the one that is now stored."""
        return self._dismissals.add(view.topic_id, place, dismissal)

    def dismissed(self, view: View) -> int:
        """Return how many open parked records of a view are dismissed."""
        ids = [_id(view, place) for place in self._dismissals.of_log(view.topic_id)]
        query = {"_id": {"$in": ids}, "open": True}
        return sum(1 for _ in self._parked.find(query, {"_id": 1})) if ids else 0


def _id(view: View, place: Place) -> str:
    partition, offset = place
    return f"{view.view_id}|{partition}|{offset}"


def _decode(document: dict[str, Any]) -> StoredParked:
    parked = Parked(
        reason=document["reason"],
        type=document["type"],
        institution_id=document["i"],
        submission_id=document["s"],
        version=document["n"],
        work_key=document["k"],
        recorded_ms=document["at"],
        value=document.get("value", b""),
    )
    return StoredParked(document["p"], document["o"], parked, document["open"])
