"""A proposal and its rules: who votes, what each vote changes, and when it is approved. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.errors import Forbidden, WrongState


class Kind(StrEnum):
    """What a proposal changes; the values are the lower-case names of the contract's `Kind`."""

    DIRECTORY = "directory"
    CATALOGUE = "catalogue"
    ROLLBACK = "rollback"
    LOG_GENERATION = "log_generation"
    PARTNER = "partner"
    TERMS = "terms"


class State(StrEnum):
    """State of a proposal; the values are the lower-case names of the contract's `State`."""

    OPEN = "open"
    APPROVED = "approved"
    EFFECTIVE = "effective"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Agreement:
    """The terms of a vote: who votes, how many have to approve, and how long a proposal is open.

    ``members`` are the sorted ids of the institutions that vote. A ``quorum`` of 0 means all of
    them, an ``emergency_quorum`` of 0 more than half.
    """

    members: tuple[str, ...]
    quorum: int = 0
    emergency_quorum: int = 0
    lifetime: timedelta = timedelta(days=14)

    @property
    def needed(self) -> int:
        """Number of approvals that a proposal needs: the quorum, limited to 1 to all members."""
        return max(1, min(self.quorum or len(self.members), len(self.members)))

    @property
    def needed_in_emergency(self) -> int:
        """Number of approvals that an emergency needs; at most that of any other proposal.

        Without an emergency quorum it is more than half of the members.
        """
        return min(self.emergency_quorum or len(self.members) // 2 + 1, self.needed)


@dataclass(frozen=True, slots=True)
class Motion:
    """The content of a proposal: the request to carry out if it is approved.

    ``payload`` is the encoded protobuf request, ``affected`` the ids of the institutions whose own
    units it changes. A motion that is only listed has no payload, but its ``listed_digest``.
    """

    kind: Kind
    payload: bytes
    affected: frozenset[str] = frozenset()
    listed_digest: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 of kind and payload in lower-case hex; equal motions have equal digests.

        The affected institutions are not part of it.
        """
        if self.listed_digest:
            return self.listed_digest
        return hashlib.sha256(self.kind.encode() + b"\0" + self.payload).hexdigest()


@dataclass(frozen=True, slots=True)
class Proposal:
    """One version of a proposal; the contract's message `Proposal` explains the fields.

    ``members``, ``affected``, ``approved_by`` and ``rejected_by`` are ids of institutions.
    """

    proposal_id: str
    motion: Motion
    proposed_by: str
    members: tuple[str, ...]
    quorum: int
    emergency_quorum: int
    affected: tuple[str, ...]
    proposed_at: datetime
    expires_at: datetime
    approved_by: frozenset[str] = frozenset()
    rejected_by: frozenset[str] = frozenset()
    state: State = State.OPEN
    emergency: str = ""
    emergency_by: str = ""
    outcome: str = ""
    version: int = 1

    @property
    def needed(self) -> int:
        """Number of approvals that the proposal needs, those that it already has included.

        It is the emergency quorum if the proposal was declared an emergency, else the quorum.
        """
        return self.emergency_quorum if self.emergency else self.quorum

    @property
    def is_carried(self) -> bool:
        """Whether the approvals suffice: the quorum, and all affected institutions among them.

        An emergency does not need the affected institutions.
        """
        is_heard = self.emergency or self.approved_by >= frozenset(self.affected)
        return len(self.approved_by) >= self.needed and bool(is_heard)

    @property
    def is_lost(self) -> bool:
        """Whether the approvals can never suffice, as too many or an affected institution rejected.

        In an emergency a single affected institution cannot prevent it.
        """
        is_vetoed = not self.emergency and self.rejected_by & frozenset(self.affected)
        return len(self.members) - len(self.rejected_by) < self.needed or bool(is_vetoed)

    @property
    def is_closed(self) -> bool:
        """Whether the state is final: neither open nor approved and waiting to take effect."""
        return self.state not in (State.OPEN, State.APPROVED)


def propose(
    motion: Motion, attempt: int, proposer: str, agreement: Agreement, now: datetime
) -> Proposal:
    """Return a new open proposal without votes; the proposer has to approve it separately.

    Args:
        motion: what is to change.
        attempt: number of this proposal among all proposals of the same motion, from 1.
        proposer: id of the institution that proposes.
        agreement: terms of the vote.
        now: time of the proposal.
    """
    return Proposal(
        proposal_id=f"{motion.kind}-{motion.digest[:12]}-{attempt}",
        motion=motion,
        proposed_by=proposer,
        members=agreement.members,
        quorum=agreement.needed,
        emergency_quorum=agreement.needed_in_emergency,
        affected=tuple(sorted(motion.affected & frozenset(agreement.members))),
        proposed_at=now,
        expires_at=now + agreement.lifetime,
    )


def approve(proposal: Proposal, institution: str, now: datetime) -> Proposal:
    """Return the next version with an institution's approval, or the same object if it had it.

    An earlier rejection by the institution is withdrawn. If the approvals now suffice, the state of
    the next version is APPROVED.

    Args:
        proposal: newest version of the proposal.
        institution: id of the institution that approves.
        now: time of the vote, at which the proposal must not have expired.

    Raises:
        Forbidden: the institution is not a member and has no vote.
        WrongState: the proposal is no longer open.
    """
    if institution in proposal.approved_by:
        return proposal
    _need_vote(proposal, institution, now)
    return _voted(
        proposal,
        approved_by=proposal.approved_by | {institution},
        rejected_by=proposal.rejected_by - {institution},
    )


def reject(proposal: Proposal, institution: str, now: datetime) -> Proposal:
    """Return the next version with an institution's rejection, or the same object if it had it.

    An earlier approval of the institution is withdrawn. If the approvals can no longer suffice, the
    state of the next version is REJECTED.

    Args:
        proposal: newest version of the proposal.
        institution: id of the institution that rejects.
        now: time of the vote, at which the proposal must not have expired.

    Raises:
        Forbidden: the institution is not a member and has no vote.
        WrongState: the proposal is no longer open.
    """
    if institution in proposal.rejected_by:
        return proposal
    _need_vote(proposal, institution, now)
    return _voted(
        proposal,
        approved_by=proposal.approved_by - {institution},
        rejected_by=proposal.rejected_by | {institution},
    )


def declare_emergency(proposal: Proposal, institution: str, reason: str, now: datetime) -> Proposal:
    """Return the next version as an emergency, with the institution's approval.

    If it is an emergency already, only the approval is added and the first reason stays. Other
    terms are never an emergency: a smaller quorum could otherwise be had by a smaller quorum.

    Args:
        proposal: proposal that cannot wait for all votes.
        institution: id of the institution that declares the emergency.
        reason: why the proposal cannot wait.
        now: time of the declaration.

    Raises:
        Forbidden: the institution is not a member and has no vote.
        WrongState: the proposal is no longer open, or it is about the terms of proposals.
    """
    if proposal.motion.kind is Kind.TERMS:
        text = "other terms need the quorum that holds now, also in an emergency"
        raise WrongState(text, reason="NO_EMERGENCY")
    if proposal.emergency:
        return approve(proposal, institution, now)
    _need_vote(proposal, institution, now)
    return _voted(
        proposal,
        emergency=reason,
        emergency_by=institution,
        approved_by=proposal.approved_by | {institution},
        rejected_by=proposal.rejected_by - {institution},
    )


def expired(proposal: Proposal, now: datetime) -> Proposal:
    """Return the next version, expired, if the proposal is not closed and its time is over.

    Otherwise the same object is returned.
    """
    if proposal.is_closed or now < proposal.expires_at:
        return proposal
    return replace(proposal, state=State.EXPIRED, version=proposal.version + 1)


def settled(proposal: Proposal, state: State, outcome: str) -> Proposal:
    """Return the next version of an approved proposal after the attempt to carry it out.

    Args:
        proposal: the approved proposal.
        state: EFFECTIVE if it was carried out, FAILED if it cannot be.
        outcome: text that identifies the result, or the error message.
    """
    return replace(proposal, state=state, outcome=outcome, version=proposal.version + 1)


def members_of(institutions: Iterable[str]) -> tuple[str, ...]:
    """Return ids of institutions as the members of an agreement: sorted, each once."""
    return tuple(sorted(set(institutions)))


def _voted(proposal: Proposal, **changes: object) -> Proposal:
    after = replace(proposal, version=proposal.version + 1, **changes)  # type: ignore[arg-type]
    return _counted(after)


def _counted(proposal: Proposal) -> Proposal:
    if proposal.is_carried:
        return replace(proposal, state=State.APPROVED)
    return replace(proposal, state=State.REJECTED) if proposal.is_lost else proposal


def _need_vote(proposal: Proposal, institution: str, now: datetime) -> None:
    if institution not in proposal.members:
        text = f"only the institutions that it binds vote: {', '.join(proposal.members)}"
        raise Forbidden(text, reason="NO_VOTE")
    state = expired(proposal, now).state
    if state is not State.OPEN:
        text = f"{proposal.proposal_id} is {state}; propose it again"
        raise WrongState(text, reason="PROPOSAL_CLOSED", details={"state": state})
