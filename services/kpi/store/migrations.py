"""Migrations of the KPI database: append-only, idempotent. Their number is the version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pymongo import UpdateOne
from pymongo.database import Database

BATCH = 500


def place_parked_records(database: Database[dict[str, Any]]) -> None:
    """Give parked records of release 0.1.0 their partition and offset, which only the id held.

    All of them were open: that release could not close them.
    """
    old = database["parked"].find({"open": None}, {"_id": 1})
    updates = []
    for document in old:
        _, partition, offset = document["_id"].rsplit("|", 2)
        place = {"p": int(partition), "o": int(offset), "open": True}
        updates.append(UpdateOne({"_id": document["_id"]}, {"$set": place}))
    for start in range(0, len(updates), BATCH):
        database["parked"].bulk_write(updates[start : start + BATCH], ordered=False)
    if "v_1" in database["parked"].index_information():
        database["parked"].drop_index("v_1")


MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = (place_parked_records,)
