"""Reads the stored parked records of views, i.e. records that could not be folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING

from services.kernel.mongo import Mongo
from services.kpi.domain.parking import Parked
from services.kpi.store.documents import DATABASE


@dataclass(frozen=True, slots=True)
class StoredParked:
    """A stored parked record.

    Args:
        partition: number of its partition.
        offset: its offset.
        parked: reason and origin of the record; lists leave its value empty.
        is_open: True until a newer version of the submission has been folded.
    """

    partition: int
    offset: int
    parked: Parked
    is_open: bool


class ParkedRecords:
    """The parked records of all views. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._parked = mongo.database(DATABASE)["parked"]

    def page(
        self,
        view_id: str,
        institution_id: str,
        after: tuple[int, int],
        limit: int,
        *,
        with_mended: bool,
    ) -> list[StoredParked]:
        """Return a page of parked records, in order of partition and offset, without their values.

        Args:
            view_id: id of the view.
            institution_id: institution of the records; empty for all.
            after: partition and offset of the last record of the page before; (-1, -1) at first.
            limit: maximum number of records.
            with_mended: whether to include records that a newer version replaced.
        """
        query: dict[str, Any] = {"v": view_id}
        if institution_id:
            query["i"] = institution_id
        if not with_mended:
            query["open"] = True
        begun = {**query, "p": after[0], "o": {"$gt": after[1]}}
        found = list(self._find(begun, limit)) if after[0] >= 0 else []
        if len(found) < limit:
            found += self._find({**query, "p": {"$gt": after[0]}}, limit - len(found))
        return [_decode(document) for document in found]

    def _find(self, query: dict[str, Any], limit: int) -> Any:
        order = [("p", ASCENDING), ("o", ASCENDING)]
        return self._parked.find(query, {"value": 0}).sort(order).limit(limit)

    def of_work(self, view_id: str, work_key: str) -> list[Parked]:
        """Return the open parked records of a work, by a scan, as there are few parked records."""
        query = {"v": view_id, "open": True, "k": work_key}
        return [_decode(document).parked for document in self._find(query, 0)]

    def get(self, view_id: str, partition: int, offset: int) -> StoredParked | None:
        """Return one parked record with its value; None if there is none at this offset."""
        found = self._parked.find_one({"_id": f"{view_id}|{partition}|{offset}"})
        return _decode(found) if found else None


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
