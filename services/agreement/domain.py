"""One proposal and its rules: who is bound, what each vote does, when it is carried. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.kernel.errors import Forbidden, WrongState


class Kind(StrEnum):
    """What a proposal changes; the words of the contract's `Kind`."""

    DIRECTORY = "directory"
    CATALOGUE = "catalogue"
    ROLLBACK = "rollback"
    LOG_GENERATION = "log_generation"
    PARTNER = "partner"


class State(StrEnum):
    """Where a proposal stands; the words of the contract's `State`."""

    OPEN = "open"
    APPROVED = "approved"
    EFFECTIVE = "effective"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who is bound, and how many have to approve.

    ``members`` are institutions, sorted. A ``quorum`` of 0 means all of them; an
    ``emergency_quorum`` of 0 means more than half.
    """

    members: tuple[str, ...]
    quorum: int = 0
    emergency_quorum: int = 0
    lifetime: timedelta = timedelta(days=14)

    @property
    def needed(self) -> int:
        """Number of approvals that carry a proposal; at least one, even where nobody is bound."""
        return max(1, min(self.quorum or len(self.members), len(self.members)))

    @property
    def needed_in_emergency(self) -> int:
        """Number of approvals that carry an emergency; never more than without one."""
        return min(self.emergency_quorum or len(self.members) // 2 + 1, self.needed)


@dataclass(frozen=True, slots=True)
class Motion:
    """What somebody wants to change: the kind, the encoded request, whose units it changes."""

    kind: Kind
    payload: bytes
    affected: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """SHA-256 of kind and payload, in hexadecimal digits."""
        return hashlib.sha256(self.kind.encode() + b"\0" + self.payload).hexdigest()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal in one version; see the contract's `Proposal` for the fields."""

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
        """Number of approvals that carry it now."""
        return self.emergency_quorum if self.emergency else self.quorum

    @property
    def is_carried(self) -> bool:
        """Whether enough have approved: the quorum, and everybody whose units it changes."""
        is_heard = self.emergency or self.approved_by >= frozenset(self.affected)
        return len(self.approved_by) >= self.needed and bool(is_heard)

    @property
    def is_lost(self) -> bool:
        """Whether so many have rejected it that it cannot be carried any more."""
        is_vetoed = not self.emergency and self.rejected_by & frozenset(self.affected)
        return len(self.members) - len(self.rejected_by) < self.needed or bool(is_vetoed)

    @property
    def is_closed(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.state not in (State.OPEN, State.APPROVED)


def propose(
    motion: Motion, attempt: int, proposer: str, agreement: Agreement, now: datetime
) -> Proposal:
    """Return a new proposal that nobody has approved.

    Args:
        motion: what is to change.
        attempt: number of the proposal among those of the same motion, from 1.
        proposer: institution that proposes; its vote is a matter of its own.
        agreement: who is bound now.
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
    """Return the proposal with an institution's approval; the same object if it had it.

    Raises:
        Forbidden: the institution is not bound by it and has no vote.
        WrongState: it is no longer open.
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
    """Return the proposal with an institution's rejection; raises what `approve` raises."""
    if institution in proposal.rejected_by:
        return proposal
    _need_vote(proposal, institution, now)
    return _voted(
        proposal,
        approved_by=proposal.approved_by - {institution},
        rejected_by=proposal.rejected_by | {institution},
    )


def declare_emergency(proposal: Proposal, institution: str, reason: str, now: datetime) -> Proposal:
    """Return the proposal as an emergency that the institution approves; the first reason stays.

    Args:
        proposal: what cannot wait.
        institution: who declares it.
        reason: why.
        now: time of the vote.

    Raises:
        Forbidden: the institution is not bound by it and has no vote.
        WrongState: it is no longer open.
    """
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
    """Return the proposal closed if its time is over; otherwise the same object."""
    if proposal.is_closed or now < proposal.expires_at:
        return proposal
    return replace(proposal, state=State.EXPIRED, version=proposal.version + 1)


def settled(proposal: Proposal, state: State, outcome: str) -> Proposal:
    """Return an approved proposal with what came of it: effective or failed."""
    return replace(proposal, state=state, outcome=outcome, version=proposal.version + 1)


def members_of(institutions: Iterable[str]) -> tuple[str, ...]:
    """Return the members of an agreement in order."""
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
