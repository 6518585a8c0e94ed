"""The MongoDB document of a proposal: its fields and indexes, how it is encoded and decoded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mongoengine import (
    BinaryField,
    BooleanField,
    DateTimeField,
    Document,
    IntField,
    ListField,
    StringField,
)

from services.agreement.domain import Kind, Motion, Proposal, State


class ProposalDocument(Document):
    """One proposal in its newest version; ``unsent`` is true until the event of it is published."""

    proposal_id = StringField(primary_key=True)
    version = IntField(required=True)
    kind = StringField(required=True)
    payload = BinaryField(required=True)
    digest = StringField(required=True)
    affected = ListField(StringField())
    proposed_by = StringField(required=True)
    members = ListField(StringField(), required=True)
    quorum = IntField(required=True)
    emergency_quorum = IntField(required=True)
    proposed_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)
    approved_by = ListField(StringField())
    rejected_by = ListField(StringField())
    state = StringField(required=True)
    emergency = StringField()
    emergency_by = StringField()
    outcome = StringField()
    changed_at = DateTimeField(required=True)
    traceparent = StringField()
    unsent = BooleanField(required=True)

    meta = {
        "collection": "proposals",
        "auto_create_index": False,
        "indexes": ["digest", "state", "-proposed_at", "unsent"],
    }


def encode(proposal: Proposal, changed_at: datetime, traceparent: str) -> dict[str, Any]:
    """Return the document of a proposal's version, with its event marked as unpublished.

    Args:
        proposal: the version.
        changed_at: time of the change that made it, and of the event.
        traceparent: trace context of that change; empty if unknown.
    """
    return {
        "_id": proposal.proposal_id,
        "version": proposal.version,
        "kind": str(proposal.motion.kind),
        "payload": proposal.motion.payload,
        "digest": proposal.motion.digest,
        "affected": list(proposal.affected),
        "proposed_by": proposal.proposed_by,
        "members": list(proposal.members),
        "quorum": proposal.quorum,
        "emergency_quorum": proposal.emergency_quorum,
        "proposed_at": proposal.proposed_at,
        "expires_at": proposal.expires_at,
        "approved_by": sorted(proposal.approved_by),
        "rejected_by": sorted(proposal.rejected_by),
        "state": str(proposal.state),
        "emergency": proposal.emergency,
        "emergency_by": proposal.emergency_by,
        "outcome": proposal.outcome,
        "changed_at": changed_at,
        "traceparent": traceparent,
        "unsent": True,
    }


def decode(document: dict[str, Any]) -> Proposal:
    """Return the proposal that a document holds, in the version that was stored last.

    Its motion has no payload if the document was read without it.
    """
    affected = tuple(document["affected"])
    motion = Motion(
        Kind(document["kind"]),
        bytes(document.get("payload", b"")),
        frozenset(affected),
        # With a payload it is recomputed: that is what the institutions vote on.
        "" if "payload" in document else document["digest"],
    )
    return Proposal(
        proposal_id=document["_id"],
        motion=motion,
        proposed_by=document["proposed_by"],
        members=tuple(document["members"]),
        quorum=document["quorum"],
        emergency_quorum=document["emergency_quorum"],
        affected=affected,
        proposed_at=document["proposed_at"],
        expires_at=document["expires_at"],
        approved_by=frozenset(document["approved_by"]),
        rejected_by=frozenset(document["rejected_by"]),
        state=State(document["state"]),
        emergency=document["emergency"],
        emergency_by=document["emergency_by"],
        outcome=document["outcome"],
        version=document["version"],
    )
