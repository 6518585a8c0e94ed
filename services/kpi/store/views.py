"""Stores the views with their states, and the one pointer to the live view.

A view is never turned into another. A new one is built beside it (blue/green), and the pointer
moves in one transaction that also fences off the owners of the former view, so that its checkpoint
no longer moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from services.kernel.errors import WrongState
from services.kernel.mongo import Mongo
from services.kpi.store.documents import DATABASE
from services.kpi.store.transactions import transaction
from services.kpi.store.view_documents import (
    LIVE,
    UNSAFE,
    Vector,
    View,
    decode_view,
    encode_view,
)

__all__ = ["LIVE", "UNSAFE", "Vector", "View", "ViewProgress", "Views"]


@dataclass(frozen=True, slots=True)
class ViewProgress:
    """How far a view has read the log.

    ``vector`` is its checkpoint, ``parked`` its number of open parked records, and ``republished``
    are the institutions that were republished in every partition.
    """

    vector: Vector
    parked: int
    read: int
    """Number of records that a rebuild has read so far."""
    republished: frozenset[str] = frozenset()

    def lag(self, target: Vector) -> dict[int, int]:
        """Return partition -> number of records missing up to ``target``; empty if none are."""
        behind = {p: end - self.vector.get(p, 0) for p, end in target.items()}
        return {partition: lag for partition, lag in behind.items() if lag > 0}


class Views:
    """The store of all views and of the pointer to the live one. Thread-safe."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        database = mongo.database(DATABASE)
        self._views = database["views"]
        self._pointer = database["pointer"]
        self._progress = database["progress"]

    def views(self) -> list[View]:
        """Return all views, newest first."""
        found = [decode_view(document) for document in self._views.find({})]
        return sorted(found, key=lambda view: view.opened_at or _NEVER, reverse=True)

    def view(self, view_id: str) -> View | None:
        """Return the view with this id; None if there is none."""
        found = self._views.find_one({"_id": view_id})
        return decode_view(found) if found else None

    def live(self) -> View | None:
        """Return the live view; None if there is none yet."""
        pointer = self._pointer.find_one({"_id": LIVE})
        if pointer is not None:
            return self.view(pointer["view_id"])
        # Databases of the first release have no pointer, but at most one live view.
        return next((view for view in self.views() if view.state == LIVE), None)

    def former(self) -> View | None:
        """Return the view that was live before the present one; None if there was none."""
        pointer = self._pointer.find_one({"_id": LIVE}) or {}
        return self.view(pointer["former"]) if pointer.get("former") else None

    def purgeable(self) -> list[View]:
        """Return the views that cannot become live any more, and may be deleted.

        Kept are the live view, the one before it, those that are being built, and the newest view
        if it was refused: it holds the reason, and its build is resumed if it is tried again.
        """
        kept = {view.view_id for view in (self.live(), self.former()) if view is not None}
        if not kept:
            return []  # the database was restored, and its log is not republished yet
        return [
            view
            for number, view in enumerate(self.views())
            if view.state == "retired" or (view.state == "refused" and number)
            if view.view_id not in kept
        ]

    def folded(self, topic_id: str) -> View | None:
        """Return the view of this log that the aggregator has to fold; None for an unknown log."""
        live = self.live()
        for view in self.views():
            # A log may have a live view and, if it lost events, one of a newer generation.
            is_live = live is not None and view.view_id == live.view_id
            is_generation = view.state == "building" and not view.phase
            if view.topic_id == topic_id and (is_live or is_generation):
                return view
        return None

    def followers(self, topic_id: str) -> list[View]:
        """Return the views of this log that are folded together with the live one before a swap."""
        found = self._views.find({"state": "building", "phase": "following"})
        return [decode_view(d) for d in found if d["topic_id"] == topic_id]

    def view_progress(self, view_id: str, session: ClientSession | None = None) -> ViewProgress:
        """Return how far a view has read the log; an unknown view has read nothing."""
        found = list(self._progress.find({"v": view_id}, session=session))
        heard = [frozenset(document["republished"]) for document in found]
        return ViewProgress(
            {document["p"]: document["next_offset"] for document in found},
            sum(document["parked"] for document in found),
            sum(max(document.get("read", 0), document["next_offset"]) for document in found),
            frozenset.intersection(*heard) if heard else frozenset(),
        )

    def insert(self, view: View) -> bool:
        """Store a new view; return False, storing nothing, if one with this id exists."""
        try:
            self._views.insert_one(encode_view(view))
        except DuplicateKeyError:
            return False
        if view.state == LIVE:
            first = {"$setOnInsert": {"view_id": view.view_id, "former": ""}}
            self._pointer.update_one({"_id": LIVE}, first, upsert=True)
        return True

    def insert_generation(self, view: View) -> bool:
        """Store the first view of a new log; return False, storing nothing, if the log has one."""

        def work(session: ClientSession) -> bool:
            found = sorted(self._views.find({}, session=session), key=itemgetter("_id"))
            others = [decode_view(document) for document in found]
            if any(
                view.view_id == other.view_id or other.is_of(view.topic_id, view.partitions)
                for other in others
            ):
                return False
            # Every process writes this document, so that of two at once one conflicts and retries.
            first = {"_id": others[0].view_id}
            self._views.update_one(first, {"$inc": {"opened": 1}}, session=session)
            self._views.insert_one(encode_view(view), session=session)
            return True

        return transaction(self._mongo, work)

    def bind(self, view: View, partitions: int) -> None:
        """Store the number of partitions of a view; does nothing if the view has one already."""
        unknown = {"_id": view.view_id, "partitions": {"$in": [0, None]}}
        self._views.update_one(unknown, {"$set": {"partitions": partitions}})

    def advance(self, view: View, phase: str, **fields: Any) -> bool:
        """Move a view to a phase of a rebuild; return False if another process moved it before.

        It is then in state `building`. ``fields`` are further fields of its document to set.
        """
        expected = {"_id": view.view_id, "state": view.state, "phase": view.phase}
        change = {"$set": {"state": "building", "phase": phase, **fields}}
        return bool(self._views.update_one(expected, change).matched_count)

    def refuse(self, view: View, reason: str) -> None:
        """Mark a view that is being built as refused, with a reason; in other states do nothing."""
        expected = {"_id": view.view_id, "state": "building"}
        change = {"state": "refused", "phase": "", "reason": reason}
        self._views.update_one(expected, {"$set": change})

    def diverge(self, view: View, place: str, reason: str) -> None:
        """Store why a view is not folded at a place; an empty reason removes the stored one.

        Args:
            view: the view as it was read.
            place: number of a partition; `log` if the log is another one than was folded, `unsafe`
                if settings of its topic would lose events.
            reason: what is wrong; empty if nothing is.
        """
        if view.diverged.get(place, "") != reason:
            name = f"diverged.{place}"
            change = {"$set": {name: reason}} if reason else {"$unset": {name: ""}}
            self._views.update_one({"_id": view.view_id}, change)

    def lease(self, view: View, owner: str, now: datetime, until: datetime) -> bool:
        """Take or renew the lease to build a view; return False if another process holds it.

        It only prevents duplicate work, not wrong data.

        Args:
            view: the view to build.
            owner: id of this process.
            now: present time.
            until: when the lease expires.
        """
        found = self._views.find_one({"_id": view.view_id}) or {}
        held = found.get("builder") or {}
        if held and held["owner"] != owner and held["until"] > now:
            return False
        expected = {"_id": view.view_id, "builder": found.get("builder")}
        change = {"$set": {"builder": {"owner": owner, "until": until}}}
        return bool(self._views.update_one(expected, change).matched_count)

    def note_republished(self, view: View, republished: frozenset[str]) -> None:
        """Store which institutions the view still awaits; make it live if there are none.

        Does nothing for a view that awaits no republication.

        Args:
            view: the view that is being folded.
            republished: institutions that are republished in every partition.
        """
        if view.state != "building" or view.phase:
            return
        awaits = sorted(set(view.awaits) - republished)
        self._views.update_one({"_id": view.view_id}, {"$set": {"awaits": awaits}})

        def work(session: ClientSession) -> None:
            here = self._views.find_one({"_id": view.view_id}, session=session) or {}
            # This process may have been suspended, and another view may be live by now.
            now = self._pointed(session) or {"generation": 0}
            if here.get("state") == "building" and now["generation"] < view.generation:
                # Positions in two logs cannot be compared; being republished makes it complete.
                self._make_live(view.view_id, session)

        if not awaits:
            transaction(self._mongo, work)

    def swap(self, view: View) -> bool:
        """Make a view that follows the log live, in place of the live one; return whether done.

        False, with nothing changed, if it is behind the live view or another process was faster.
        The epochs of the former view are raised in the same transaction: an owner that still folds
        it can no longer commit, so no reader ever sees a position go back.

        Raises:
            WrongState: no view is live.
        """
        live = self.live()
        if live is None:
            raise WrongState("no catalogue is published yet", reason="NO_CATALOGUE")

        def work(session: ClientSession) -> bool:
            here = self._views.find_one({"_id": view.view_id}, session=session) or {}
            if here.get("state") != "building" or here.get("phase") != "following":
                return False
            now = self._pointed(session) or {}
            if (now.get("_id"), now.get("generation")) != (live.view_id, view.generation):
                return False  # another process was faster, or the live view is of another log
            old = self.view_progress(live.view_id, session)
            if self.view_progress(view.view_id, session).lag(old.vector):
                return False
            for partition in old.vector:
                key = {"_id": f"{live.view_id}|{partition}"}
                self._progress.update_one(key, {"$inc": {"epoch": 1}}, session=session)
            self._make_live(view.view_id, session)
            return True

        return transaction(self._mongo, work)

    def _pointed(self, session: ClientSession) -> dict[str, Any] | None:
        """Return the document of the live view; None if no view is live."""
        pointer = self._pointer.find_one({"_id": LIVE}, session=session)
        if pointer is None:
            return self._views.find_one({"state": LIVE}, session=session)
        return self._views.find_one({"_id": pointer["view_id"]}, session=session)

    def end_former_logs(self, generation: int) -> None:
        """Raise the epochs of all views of older generations; their owners can no longer commit."""
        former = [view.view_id for view in self.views() if view.generation < generation]
        self._progress.update_many({"v": {"$in": former}}, {"$inc": {"epoch": 1}})

    def _make_live(self, view_id: str, session: ClientSession) -> None:
        pointer = self._pointer.find_one({"_id": LIVE}, session=session)
        found = self._views.find({"state": LIVE}, session=session)
        others = [document["_id"] for document in found if document["_id"] != view_id]
        former = pointer["view_id"] if pointer else next(iter(others), "")
        if former != view_id:
            change = {"$set": {"view_id": view_id, "former": former}}
            self._pointer.update_one({"_id": LIVE}, change, upsert=True, session=session)
        for other in others:
            retired = {"$set": {"state": "retired", "phase": ""}}
            self._views.update_one({"_id": other}, retired, session=session)
        now_live = {"$set": {"state": LIVE, "phase": "", "reason": ""}}
        self._views.update_one({"_id": view_id}, now_live, session=session)


_NEVER = datetime.min.replace(tzinfo=UTC)
