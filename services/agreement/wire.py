"""Converts proposals to protobuf messages, and requests to motions and back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from kieng.proposals.v1 import events_pb2, proposal_pb2
from services.agreement.domain import Agreement, Kind, Motion, Proposal, members_of

DAYS_DEFAULT = 14
"""Days for which a proposal is open unless the institutions have agreed on others."""


def agreement_of(terms: proposal_pb2.Terms, institutions: Iterable[str]) -> Agreement:
    """Return the terms of a vote by what the institutions have agreed.

    Args:
        terms: the terms of a directory version; a field that is 0 has its default.
        institutions: ids of the institutions that vote, in any order.
    """
    return Agreement(
        members_of(institutions),
        terms.quorum,
        terms.emergency_quorum,
        timedelta(days=terms.proposal_days or DAYS_DEFAULT),
    )


def motion_of(kind: Kind, request: Message, affected: Iterable[str] = ()) -> Motion:
    """Return the motion to carry out a request, i.e. the content of a proposal.

    Equal requests give motions of equal digests, by which a repeated proposal is recognised.

    Args:
        kind: what the request changes.
        request: the request message.
        affected: ids of the institutions whose own units it changes.
    """
    payload = AnyMessage()
    payload.Pack(request, deterministic=True)
    return Motion(kind, payload.SerializeToString(deterministic=True), frozenset(affected))


def read_motion(motion: Motion, request: Message) -> None:
    """Decode the request of a motion into ``request``, an empty message of the expected type.

    Raises:
        TypeError: the motion holds a message of another type, which is a bug of this program.
    """
    if not AnyMessage.FromString(motion.payload).Unpack(request):
        raise TypeError(f"a motion of kind {motion.kind} does not hold {request.DESCRIPTOR.name}")


def encode_proposal(proposal: Proposal) -> proposal_pb2.Proposal:
    """Return a proposal as a protobuf message, without the request that it proposes.

    The quorum is the number of approvals that it needs now, as an emergency or otherwise.
    """
    message = proposal_pb2.Proposal(
        proposal_id=proposal.proposal_id,
        kind=proposal_pb2.Kind.Value(f"KIND_{proposal.motion.kind.upper()}"),
        digest=proposal.motion.digest,
        proposed_by=proposal.proposed_by,
        members=proposal.members,
        quorum=proposal.needed,
        affected=proposal.affected,
        approved_by=sorted(proposal.approved_by),
        rejected_by=sorted(proposal.rejected_by),
        state=proposal_pb2.State.Value(f"STATE_{proposal.state.upper()}"),
        emergency=proposal.emergency,
        emergency_by=proposal.emergency_by,
        outcome=proposal.outcome,
        version=proposal.version,
    )
    message.proposed_at.FromDatetime(proposal.proposed_at)
    message.expires_at.FromDatetime(proposal.expires_at)
    return message


def encode_content(proposal: Proposal) -> proposal_pb2.ProposalContent:
    """Return a proposal as a protobuf message, together with the request that it proposes."""
    payload = AnyMessage.FromString(proposal.motion.payload)
    return proposal_pb2.ProposalContent(proposal=encode_proposal(proposal), payload=payload)


def encode_changed(proposal: Proposal, changed_at: datetime) -> events_pb2.ProposalChanged:
    """Return the message ProposalChanged of a proposal's version.

    Args:
        proposal: the version.
        changed_at: time of the change that made it, in UTC.
    """
    event = events_pb2.ProposalChanged(proposal=encode_proposal(proposal))
    event.changed_at.FromDatetime(changed_at)
    return event
