"""Stores yearly targets, and when each was reached."""

from __future__ import annotations

from datetime import datetime

from services.kernel.mongo import Mongo
from services.kpi.domain.targets import Target
from services.kpi.store.documents import DATABASE


class Targets:
    """The store of yearly targets. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._targets = mongo.database(DATABASE)["targets"]

    def set(self, target: Target) -> None:
        """Store a target, in place of the one for the same unit, indicator and year.

        If its value changes, it no longer counts as reached.
        """
        fields = {
            "unit_id": target.unit_id,
            "indicator_code": target.indicator_code,
            "year": target.year,
            "value": target.value,
        }
        same = {"_id": target.key, "value": target.value}
        if self._targets.find_one(same) is None:
            change = {"$set": fields, "$unset": {"reached_at": ""}}
            self._targets.update_one({"_id": target.key}, change, upsert=True)

    def all(self) -> list[Target]:
        """Return all stored targets, in order of unit, indicator and year."""
        found = [
            Target(d["unit_id"], d["indicator_code"], d["year"], d["value"], "reached_at" in d)
            for d in self._targets.find({})
        ]
        return sorted(found, key=lambda t: (t.unit_id, t.indicator_code, t.year))

    def mark_reached(self, target: Target, at: datetime) -> None:
        """Record that a target is reached, once the event that announces it was published.

        Args:
            target: the target; nothing is recorded if its value has changed meanwhile.
            at: time of the event.
        """
        query = {"_id": target.key, "value": target.value}
        self._targets.update_one(query, {"$set": {"reached_at": at}})
