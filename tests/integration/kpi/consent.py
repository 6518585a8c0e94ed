"""Approves what a call proposed as each institution, by the real RPC."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import Message

from kieng.proposals.v1 import (
    proposal_pb2,
    proposal_service_pb2,
    proposal_service_pb2_grpc,
)
from tests.integration.kpi import tokens


def agreed(channel: grpc.Channel, answer: Any, method: Any, request: Message, metadata: Any) -> Any:
    """What a change that binds all answers once each institution has approved it."""
    if not answer.HasField("proposal"):
        return answer
    stub = proposal_service_pb2_grpc.ProposalServiceStub(channel)
    found = answer.proposal
    for institution in found.members:
        asked = proposal_service_pb2.ApproveProposalRequest(proposal_id=found.proposal_id)
        steward = tokens.credential(institution, "steward")
        found = stub.ApproveProposal(asked, timeout=10, metadata=steward).proposal
    assert found.state == proposal_pb2.STATE_EFFECTIVE, found
    if answer.DESCRIPTOR.name == "RollBackCatalogueResponse":
        return type(answer)(view_id=found.outcome)
    return method(request, timeout=10, metadata=metadata)
