"""Stored proposals of one service, each with the event of its newest version."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import DuplicateKeyError

from services.agreement.documents import decode, encode
from services.agreement.domain import Agreement, Motion, Proposal, State, expired, propose
from services.kernel.errors import Conflict, NotFound
from services.kernel.mongo import Mongo

TRIES = 5
LISTED_MAX = 200
WAITING = [str(State.OPEN), str(State.APPROVED)]


@dataclass(frozen=True, slots=True)
class Unsent:
    """A proposal whose event waits: when it changed, and in which trace."""

    proposal: Proposal
    changed_at: datetime
    traceparent: str


class Proposals:
    """The proposals of one service. Thread-safe.

    Args:
        mongo: connection.
        database: database of the service, which has declared `ProposalDocument`.
    """

    def __init__(self, mongo: Mongo, database: str) -> None:
        self._documents = mongo.database(database)["proposals"]

    def propose(
        self, motion: Motion, proposer: str, agreement: Agreement, now: datetime, traceparent: str
    ) -> Proposal:
        """Return the pending proposal of a motion, or a new one, which nobody has approved.

        Args:
            motion: what is to change.
            proposer: institution that proposes.
            agreement: who is bound now.
            now: time of the call.
            traceparent: trace of the call.

        Raises:
            Conflict: others propose the same at the same time; repeat.
        """
        for _ in range(TRIES):
            known = [decode(each) for each in self._documents.find({"digest": motion.digest})]
            pending = [each for each in known if not expired(each, now).is_closed]
            if pending:
                return pending[0]
            made = propose(motion, len(known) + 1, proposer, agreement, now)
            try:
                self._documents.insert_one(encode(made, now, traceparent))
            except DuplicateKeyError:
                continue
            return made
        raise Conflict("others propose the same at the same time; repeat")

    def get(self, proposal_id: str) -> Proposal:
        """Return a proposal.

        Raises:
            NotFound: there is none of this id.
        """
        found = self._documents.find_one({"_id": proposal_id})
        if found is None:
            raise NotFound(f"there is no proposal {proposal_id!r}", reason="PROPOSAL_UNKNOWN")
        return decode(found)

    def newest(self, *, waiting_only: bool = False) -> list[Proposal]:
        """Return at most `LISTED_MAX` proposals, newest first."""
        query: dict[str, Any] = {"state": {"$in": WAITING}} if waiting_only else {}
        found = self._documents.find(query).sort("proposed_at", -1).limit(LISTED_MAX)
        return [decode(document) for document in found]

    def change(
        self,
        proposal_id: str,
        change: Callable[[Proposal], Proposal],
        now: datetime,
        traceparent: str = "",
    ) -> Proposal:
        """Apply a change to the newest version and return the result.

        Args:
            proposal_id: which proposal.
            change: returns the next version, or the same object for none.
            now: time of the change.
            traceparent: trace of the call, empty without one.

        Raises:
            NotFound: there is no such proposal.
            Conflict: others changed it in every attempt; repeat.
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
        """Return at most ``limit`` proposals with an unpublished event."""
        found = self._documents.find({"unsent": True}).limit(limit)
        return [Unsent(decode(d), d["changed_at"], d.get("traceparent", "")) for d in found]

    def mark_sent(self, proposals: Iterable[Proposal]) -> None:
        """Record that the events of these versions are published."""
        sent = [{"_id": each.proposal_id, "version": each.version} for each in proposals]
        updates = [UpdateOne(each, {"$set": {"unsent": False}}) for each in sent]
        self._documents.bulk_write(updates, ordered=False)
