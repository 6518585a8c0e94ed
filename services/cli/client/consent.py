"""Approves a proposal in the name of each institution whose key the local issuer of a trial holds.

As in production, each institution calls ApproveProposal with a token of its steward.
"""

from __future__ import annotations

from kieng.proposals.v1 import proposal_pb2
from kieng.proposals.v1 import proposal_service_pb2 as api
from services.cli.client.clients import Clients, Credential
from services.cli.client.local_issuer import LocalIssuer
from services.cli.client.proposals import DirectoryProposals, KpiProposals
from services.cli.client.stack import Stack
from services.cli.errors import NO, Failure

DIRECTORY_KINDS = (
    proposal_pb2.KIND_DIRECTORY,
    proposal_pb2.KIND_PARTNER,
    proposal_pb2.KIND_TERMS,
)


def stub_of(proposal: proposal_pb2.Proposal) -> type[DirectoryProposals] | type[KpiProposals]:
    """Return the stub class of the service that keeps a proposal, which its kind decides."""
    return DirectoryProposals if proposal.kind in DIRECTORY_KINDS else KpiProposals


def missing(proposal: proposal_pb2.Proposal) -> list[str]:
    """Return the ids of the institutions that have neither approved nor rejected a proposal."""
    voted = {*proposal.approved_by, *proposal.rejected_by}
    return [member for member in proposal.members if member not in voted]


def approve_as_all(stack: Stack, proposal: proposal_pb2.Proposal) -> proposal_pb2.Proposal:
    """Approve a proposal for each institution that has a local key and has not voted yet.

    Returns:
        The proposal as the service returned it last; it is in effect.

    Raises:
        Failure: the proposal is not in effect after that, e.g. because other institutions have to
            approve as well; the message names them.
    """
    held = LocalIssuer(stack.issuer_folder).institutions()
    for member in missing(proposal):
        if member in held and proposal.state == proposal_pb2.STATE_OPEN:
            with Clients(stack, Credential(stack, member, ("steward",))) as clients:
                request = api.ApproveProposalRequest(
                    proposal_id=proposal.proposal_id, digest=proposal.digest
                )
                proposal = clients.stub(stub_of(proposal)).ApproveProposal(request).proposal
    need_effect(proposal)
    return proposal


def need_effect(proposal: proposal_pb2.Proposal) -> None:
    """Check that a proposal has taken effect.

    Raises:
        Failure: the proposal has not taken effect; the message names the institutions that have to
            approve it.
    """
    _need(proposal, proposal_pb2.STATE_EFFECTIVE)


def need_approval(proposal: proposal_pb2.Proposal) -> None:
    """Check that a proposal is approved, whether or not it has taken effect yet.

    Raises:
        Failure: the proposal is not approved; the message names the institutions that have to
            approve it.
    """
    _need(proposal, proposal_pb2.STATE_APPROVED, proposal_pb2.STATE_EFFECTIVE)


def _need(proposal: proposal_pb2.Proposal, *states: proposal_pb2.State.ValueType) -> None:
    if proposal.state in states:
        return
    waits = ", ".join(missing(proposal)) or proposal.outcome or "its turn"
    raise Failure(
        f"{proposal.proposal_id} waits for {waits}: they approve it with `kieng proposal approve "
        f"{proposal.proposal_id}`; then run this command again",
        NO,
    )
