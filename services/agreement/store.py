"""Stores the proposals of a service; each document is the outbox of its newest version's event."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from services.agreement.documents import decode, encode
from services.agreement.domain import Agreement, Motion, Proposal, State, expired, propose
from services.kernel.errors import Conflict, Exhausted, NotFound
from services.kernel.mongo import Mongo

TRIES = 5
LISTED_MAX = 200
OPEN_MAX = 20
"""Most open proposals of one institution: those of all have to fit on a list."""
WAITING = [str(State.OPEN), str(State.APPROVED)]


@dataclass(frozen=True, slots=True)
class Unsent:
    """A proposal with an unpublished event, and the time and trace context of that event."""

    proposal: Proposal
    changed_at: datetime
    traceparent: str


class Proposals:
    """The stored proposals of one service. Thread-safe.

    Args:
        mongo: connection to the database server.
        database: name of the service's database, whose schema contains `ProposalDocument`.
    """

    def __init__(self, mongo: Mongo, database: str) -> None:
        self._documents = mongo.database(database)["proposals"]

    def propose(
        self, motion: Motion, proposer: str, agreement: Agreement, now: datetime, traceparent: str
    ) -> Proposal:
        """Return the pending proposal of a motion, or store and return a new one without votes.

        A proposal is pending if it is open or approved and has not expired.

        Args:
            motion: what is to change.
            proposer: id of the institution that proposes.
            agreement: terms of the vote on a new proposal.
            now: time of the call.
            traceparent: trace context of the call.

        Raises:
            Exhausted: the institution has as many open proposals as it may have.
            Conflict: concurrent proposals of the same motion came first in every attempt; repeat.
        """
        for _ in range(TRIES):
            known = [decode(each) for each in self._documents.find({"digest": motion.digest})]
            pending = [each for each in known if not expired(each, now).is_closed]
            if pending:
                return pending[0]
            mine = {"state": str(State.OPEN), "proposed_by": proposer}
            if self._documents.count_documents(mine, limit=OPEN_MAX) >= OPEN_MAX:
                text = f"{OPEN_MAX} proposals of {proposer!r} are open; wait until they are decided"
                raise Exhausted(text, reason="TOO_MANY_PROPOSALS")
            made = propose(motion, len(known) + 1, proposer, agreement, now)
            try:
                self._documents.insert_one(encode(made, now, traceparent))
            except DuplicateKeyError:
                continue
            return made
        raise Conflict("others propose the same at the same time; repeat")

    def get(self, proposal_id: str) -> Proposal:
        """Return the proposal with this id in its newest version.

        Raises:
            NotFound: there is none.
        """
        found = self._documents.find_one({"_id": proposal_id})
        if found is None:
            raise NotFound(f"there is no proposal {proposal_id!r}", reason="PROPOSAL_UNKNOWN")
        return decode(found)

    def newest(self, *, waiting_only: bool = False) -> list[Proposal]:
        """Return at most `LISTED_MAX` proposals, newest first, their motions without payload.

        Args:
            waiting_only: whether to omit closed ones, i.e. to return only those that are open, or
                approved but not in effect yet.
        """
        query: dict[str, Any] = {"state": {"$in": WAITING}} if waiting_only else {}
        # A payload may be the whole tree of units.
        found = (
            self._documents.find(query, {"payload": 0}).sort("proposed_at", -1).limit(LISTED_MAX)
        )
        return [decode(document) for document in found]

    def due(self, now: datetime) -> list[Proposal]:
        """Return at most `LISTED_MAX` proposals that want something done: approved or over."""
        query = {
            "state": {"$in": WAITING},
            "$or": [{"state": str(State.APPROVED)}, {"expires_at": {"$lte": now}}],
        }
        return [decode(document) for document in self._documents.find(query).limit(LISTED_MAX)]

    def change(
        self,
        proposal_id: str,
        change: Callable[[Proposal], Proposal],
        now: datetime,
        traceparent: str = "",
    ) -> Proposal:
        """Apply a change to the newest version of a proposal; return the version stored then.

        Args:
            proposal_id: id of the proposal.
            change: function from the newest version to the next; returns the same object if nothing
                is to change, and then nothing is stored. It may be called several times.
            now: time of the change.
            traceparent: trace context of the call; empty in a periodic run.

        Raises:
            NotFound: there is no such proposal.
            Conflict: concurrent changes came first in every attempt; repeat.
        """
        for _ in range(TRIES):
            before = self.get(proposal_id)
            after = change(before)
            if after is before:
                return before
            guard = {"_id": proposal_id, "version": before.version}
            document = encode(after, now, traceparent)
            del document["_id"]
            if self._documents.update_one(guard, {"$set": document}).matched_count:
                return after
        raise Conflict("others vote on this proposal at the same time; repeat")

    def unsent(self, limit: int) -> list[Unsent]:
        """Return at most ``limit`` proposals with an unpublished event; empty if there is none."""
        found = self._documents.find({"unsent": True}).limit(limit)
        return [Unsent(decode(d), d["changed_at"], d.get("traceparent", "")) for d in found]

    def mark_sent(self, proposals: Iterable[Proposal]) -> None:
        """Record that the events of these versions are published; a newer version stays unsent.

        There must be at least one version.
        """
        sent = [{"_id": each.proposal_id, "version": each.version} for each in proposals]
        updates = [UpdateOne(each, {"$set": {"unsent": False}}) for each in sent]
        self._documents.bulk_write(updates, ordered=False)
