"""Migrations of the KPI database. Each is idempotent, and new ones are appended.

The schema version is the number of migrations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from pymongo import UpdateOne
from pymongo.database import Database

BATCH = 500


def place_parked_records(database: Database[dict[str, Any]]) -> None:
    """Add partition and offset to parked records of release 0.1.0, where only the id held them.

    They are marked as open, because that release could not close them.
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


def number_partitions(database: Database[dict[str, Any]]) -> None:
    """Add the number of partitions of its log to each view of an older release.

    Every partition that was folded has a checkpoint, and all views of one generation have the same
    log.
    """
    checkpoints = database["progress"].find({}, {"v": 1})
    found = Counter(document["v"] for document in checkpoints)
    most: dict[int, int] = {}
    views = list(database["views"].find({}, {"generation": 1, "partitions": 1}))
    for view in views:
        generation = view["generation"]
        most[generation] = max(most.get(generation, 0), found[view["_id"]])
    for view in views:
        if not view.get("partitions"):
            change = {"$set": {"partitions": most[view["generation"]]}}
            database["views"].update_one({"_id": view["_id"]}, change)


MIGRATIONS: tuple[Callable[[Database[dict[str, Any]]], None], ...] = (
    place_parked_records,
    number_partitions,
)
