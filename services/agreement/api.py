"""RPC handlers of ProposalService, and the periodic run that carries out approved proposals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from kieng.proposals.v1 import proposal_service_pb2 as api
from services.agreement import domain, wire
from services.agreement.domain import Agreement, Motion, Proposal, State
from services.agreement.outbox import ProposalOutbox
from services.agreement.store import TRIES, Proposals
from services.kernel.container import Waker, repeat
from services.kernel.errors import Conflict, InvalidArgument, Refusal, Unavailable
from services.kernel.grpc import CurrentCall, grpc
from services.kernel.mongo import DOWN
from services.kernel.outbox import Relay
from services.kernel.publisher import Publisher
from services.policy.enforcement import need
from services.policy.rules import Resource

UNSENT_PER_RUN = 100
VOTER = "steward"
"""Role that votes for an institution; the contract requires it for ApproveProposal."""
PASSING = frozenset(
    {
        "ANOTHER_VIEW_IS_BUILT",
        "LOG_DIVERGED",
        "LOG_NOT_REPARTITIONED",
        "NOT_REPUBLISHED",
        "NO_DIRECTORY",
    }
)
"""Reasons of temporary refusals: an approved proposal is tried again until it expires."""

log = structlog.get_logger()


class ProposalApi:
    """Implements ProposalService; a mixin for the class of a service that has proposals.

    The service class defines ``proposals`` (a `ProposalStore`), ``proposals_topic`` and
    ``proposals_source`` (Kafka topic and CloudEvents source of the events), and `take_effect`.
    """

    call = CurrentCall()
    publish = Publisher()
    proposal_relay = Relay()
    wake_proposals = Waker("advance_proposals")

    proposals: Any
    proposals_topic = ""
    proposals_source = ""

    def take_effect(self, motion: Motion) -> str:
        """Carry out an approved motion, i.e. the change that a proposal contains.

        Each service implements it, idempotently: it may be called again for the same motion.

        Returns:
            A short text that identifies the result, e.g. the new directory version.

        Raises:
            Refusal: it can no longer be carried out, or not yet (reasons in `PASSING`).
        """
        raise NotImplementedError

    def ask(self, motion: Motion, agreement: Agreement) -> Proposal:
        """Propose a change, approve it if the caller may vote, and return the proposal.

        If the same change is already proposed, that proposal is approved instead. If the approval
        was the last one needed, the proposal takes effect at once.

        Args:
            motion: what is to change.
            agreement: terms of the vote on a new proposal.

        Raises:
            Exhausted: the caller's institution has too many open proposals.
            Conflict: concurrent calls came first in every attempt; repeat.
        """
        now, principal, traceparent = _now(), self.call.principal, self.call.traceparent
        caller = principal.institution_id
        store: Proposals = self.proposals
        found = store.propose(motion, caller, agreement, now, traceparent)
        if VOTER in principal.roles and caller in found.members and found.state is State.OPEN:
            approve = partial(domain.approve, institution=caller, now=now)
            found = store.change(found.proposal_id, approve, now, traceparent)
        return self._settled(found)

    @grpc
    def list_proposals(self, request: api.ListProposalsRequest) -> api.ListProposalsResponse:
        """Return the newest proposals, newest first, at most `store.LISTED_MAX`.

        Closed ones, i.e. those that took effect, failed, were rejected or expired, are omitted if
        that is requested.
        """
        found = self.proposals.newest(waiting_only=request.open_only)
        return api.ListProposalsResponse(proposals=map(wire.encode_proposal, found))

    @grpc
    def get_proposal(self, request: api.GetProposalRequest) -> api.GetProposalResponse:
        """Return one proposal with the request that it proposes to carry out.

        Raises:
            NotFound: there is no such proposal.
        """
        found = self.proposals.get(request.proposal_id)
        return api.GetProposalResponse(content=wire.encode_content(found))

    @grpc
    def approve_proposal(self, request: api.ApproveProposalRequest) -> api.ApproveProposalResponse:
        """Approve a proposal in the name of the caller's institution. Idempotent.

        Raises:
            NotFound: there is no such proposal.
            InvalidArgument: the caller sent a digest other than that of the proposal, and so has
                seen another one.
            Forbidden: the caller's institution has no vote on it.
            WrongState: the proposal is no longer open.
        """
        digest = self.proposals.get(request.proposal_id).motion.digest
        if request.digest not in ("", digest):
            text = f"the proposal's digest is {digest}; read it again"
            raise InvalidArgument(f"digest: {text}", fields={"digest": text})
        after = self._vote(request.proposal_id, domain.approve)
        return api.ApproveProposalResponse(proposal=wire.encode_proposal(after))

    @grpc
    def reject_proposal(self, request: api.RejectProposalRequest) -> api.RejectProposalResponse:
        """Reject a proposal in the name of the caller's institution. Idempotent.

        Raises:
            NotFound: there is no such proposal.
            Forbidden: the caller's institution has no vote on it.
            WrongState: the proposal is no longer open.
        """
        after = self._vote(request.proposal_id, domain.reject)
        return api.RejectProposalResponse(proposal=wire.encode_proposal(after))

    @grpc
    def declare_emergency(
        self, request: api.DeclareEmergencyRequest
    ) -> api.DeclareEmergencyResponse:
        """Declare a proposal an emergency, which needs fewer approvals, and approve it.

        If it is one already, only the approval is added. Idempotent.

        Raises:
            NotFound: there is no such proposal.
            Forbidden: the caller's institution has no vote on it.
            WrongState: the proposal is no longer open.
        """

        def declare(found: Proposal, institution: str, now: datetime) -> Proposal:
            return domain.declare_emergency(found, institution, request.reason, now)

        after = self._vote(request.proposal_id, declare)
        return api.DeclareEmergencyResponse(proposal=wire.encode_proposal(after))

    @repeat(2.0)
    def advance_proposals(self) -> float | None:
        """Close expired proposals, carry out approved ones, and publish pending events.

        Return as `OutboxRelay.run` when to do so again. A change that cannot be made now, e.g.
        because the database is down, is tried again in the next run. Safe to repeat.
        """
        now = _now()
        try:
            for found in self.proposals.due(now):
                expire = partial(domain.expired, now=now)
                found = self.proposals.change(found.proposal_id, expire, now)
                self._carried_out(found)
        except (Conflict, *DOWN):
            return None  # tried again in the next run
        outbox = ProposalOutbox(self.proposals, self.proposals_topic, self.proposals_source)
        seconds: float | None = self.proposal_relay.run([outbox], self.publish, UNSENT_PER_RUN)
        return seconds

    def _vote(
        self, proposal_id: str, vote: Callable[[Proposal, str, datetime], Proposal]
    ) -> Proposal:
        principal, now = self.call.principal, _now()
        need(principal, self.call.method, Resource.of([principal.institution_id]))
        store: Proposals = self.proposals

        def change(found: Proposal) -> Proposal:
            return vote(found, principal.institution_id, now)

        return self._settled(store.change(proposal_id, change, now, self.call.traceparent))

    def _settled(self, found: Proposal) -> Proposal:
        """Carry out a proposal if it is approved, and return its newest version."""
        found = self._carried_out(found)
        self.wake_proposals()
        return found

    def _carried_out(self, found: Proposal) -> Proposal:
        store: Proposals = self.proposals
        if found.state is State.APPROVED:
            outcome = self._outcome(found.motion)
            if outcome is not None:
                found = store.change(found.proposal_id, partial(_settle, outcome), _now())
        return found

    def _outcome(self, motion: Motion) -> tuple[State, str] | None:
        """Carry out an approved motion. Return the new state and a text that says why or what.

        Return None if it cannot be carried out yet.
        """
        for _ in range(TRIES):
            try:
                return State.EFFECTIVE, self.take_effect(motion)
            except Conflict:
                continue  # another process does the same; what it did is seen in the next attempt
            except Refusal as refusal:
                if isinstance(refusal, Unavailable) or refusal.reason in PASSING:
                    log.warning("an approved proposal waits", reason=refusal.message)
                    return None
                return State.FAILED, refusal.message
        return None


def _settle(outcome: tuple[State, str], newest: Proposal) -> Proposal:
    return domain.settled(newest, *outcome) if newest.state is State.APPROVED else newest


def _now() -> datetime:
    return datetime.now(UTC)
