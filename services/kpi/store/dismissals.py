"""Stores dismissals: decisions by operators to give up repairing a parked record.

A dismissal is keyed by the place of its record in the log, so it applies to every view of that log.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

Place = tuple[int, int]
"""Partition and offset of a record."""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """The decision of an operator that a parked record will not be repaired.

    Args:
        reason: why, as the operator stated it.
        institution_id: institution of the operator.
        subject: opaque subject of the operator's credential.
        at: time of the decision.
    """

    reason: str
    institution_id: str
    subject: str
    at: datetime


class Dismissals:
    """The store of dismissals. Thread-safe. A record has at most one: the first one is kept."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._dismissals = database["dismissals"]

    def of_log(self, topic_id: str) -> dict[Place, Dismissal]:
        """Return all dismissals of a log: place of the record -> dismissal.

        There are few, as operators dismiss records one by one.

        Args:
            topic_id: topic id of the log.
        """
        found = self._dismissals.find({"t": topic_id})
        return {(document["p"], document["o"]): _decode(document) for document in found}

    def get(self, topic_id: str, place: Place) -> Dismissal | None:
        """Return the dismissal of a record; None if it is not dismissed.

        Args:
            topic_id: topic id of the log.
            place: partition and offset of the record.
        """
        found = self._dismissals.find_one({"_id": _key(topic_id, place)})
        return _decode(found) if found else None

    def add(self, topic_id: str, place: Place, dismissal: Dismissal) -> Dismissal:
        """Store the dismissal of a record, unless it has one; return the one that is now stored.

        Args:
            topic_id: topic id of the log.
            place: partition and offset of the record.
            dismissal: the dismissal.
        """
        partition, offset = place
        document = {
            "_id": _key(topic_id, place),
            "t": topic_id,
            "p": partition,
            "o": offset,
            "reason": dismissal.reason,
            "by_institution": dismissal.institution_id,
            "by_subject": dismissal.subject,
            "at": dismissal.at,
        }
        with suppress(DuplicateKeyError):  # the first one is kept
            self._dismissals.insert_one(document)
        return self.get(topic_id, place) or dismissal


def _key(topic_id: str, place: Place) -> str:
    partition, offset = place
    return f"{topic_id}|{partition}|{offset}"


def _decode(document: dict[str, Any]) -> Dismissal:
    return Dismissal(
        document["reason"], document["by_institution"], document["by_subject"], document["at"]
    )
