"""Votes on proposals: what they are for, emergencies, crashes and expiry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc

from kieng.directory.v1 import directory_pb2, directory_service_pb2
from kieng.proposals.v1 import (
    events_pb2,
    proposal_pb2,
    proposal_service_pb2,
)
from services.agreement import domain
from services.agreement.domain import Agreement, Kind
from services.agreement.store import Proposals
from services.agreement.wire import motion_of
from services.kernel.mongo import Mongo
from services.partners.config import Settings
from services.partners.schema import DATABASE
from tests.integration.partners.serving import Log, refusal_of
from tests.integration.partners.test_agreement import GROUP, settled, steward, without_beta_school
from tests.integration.partners.test_directory import (
    UNITS,
    publish,
    unit,
)
from tests.waiting import wait_until

__all__ = ["settled"]


def test_a_vote_is_for_what_was_read_and_for_what_is_there(settled: grpc.Channel) -> None:
    found = steward(settled, "alpha").directory.PublishDirectory(without_beta_school()).proposal
    beta = steward(settled, "beta")
    get = proposal_service_pb2.GetProposalRequest(proposal_id=found.proposal_id)
    shown = beta.proposals.GetProposal(get).content
    assert shown.proposal.digest == found.digest
    tree = directory_service_pb2.PublishDirectoryRequest()
    assert shown.payload.Unpack(tree)
    assert tree.base_version == 1
    assert {u.unit_id: u.valid_to for u in tree.units}["beta/sci"] == "2026-01-01"
    other = proposal_service_pb2.ApproveProposalRequest(
        proposal_id=found.proposal_id, digest="0" * 64
    )
    code, _ = refusal_of(beta.proposals.ApproveProposal, other)
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    for name in ("GetProposal", "ApproveProposal", "RejectProposal"):
        request = getattr(proposal_service_pb2, f"{name}Request")(proposal_id="directory-x-1")
        assert refusal_of(getattr(beta.proposals, name), request)[0] == grpc.StatusCode.NOT_FOUND


def test_an_emergency_takes_more_than_half_and_is_told_to_all(
    settled: grpc.Channel, settings: Settings
) -> None:
    root, beta = steward(settled, "root"), steward(settled, "beta")
    found = root.directory.PublishDirectory(
        publish(unit("gamma", "root", directory_pb2.UNIT_KIND_INSTITUTION, "Ba"))
    ).proposal
    request = proposal_service_pb2.DeclareEmergencyRequest(
        proposal_id=found.proposal_id, reason="it burns"
    )
    declared = beta.proposals.DeclareEmergency(request).proposal
    # Of two, more than half are both.
    assert (declared.state, declared.quorum) == (proposal_pb2.STATE_OPEN, 2)
    assert steward(settled, "alpha").approve(found).state == proposal_pb2.STATE_EFFECTIVE
    with Log(settings.kafka_bootstrap, "kieng.directory.v1") as log:
        told = log.first(lambda r: is_emergency(r, found.proposal_id))
    event = events_pb2.ProposalChanged.FromString(told.value)
    assert (event.proposal.emergency, event.proposal.emergency_by) == ("it burns", "beta")
    assert told.key.decode() == found.proposal_id


def is_emergency(record: Any, proposal_id: str) -> bool:
    headers = dict(record.headers)
    if headers["ce_type"] != b"kieng.proposals.v1.ProposalChanged":
        return False
    found = events_pb2.ProposalChanged.FromString(record.value).proposal
    return found.proposal_id == proposal_id and bool(found.emergency)


def test_what_was_approved_before_a_crash_takes_effect_and_what_is_over_expires(
    settled: grpc.Channel, empty_database: Mongo
) -> None:
    store = Proposals(empty_database, DATABASE)
    now, terms = datetime.now(UTC), Agreement(("alpha", "beta"))
    tree = publish(unit("alpha/late", "alpha", GROUP, "Nhóm"))
    tree.base_version = 1
    crashed = store.propose(motion_of(Kind.DIRECTORY, tree), "root", terms, now, "")
    for member in terms.members:
        approve = partial(domain.approve, institution=member, now=now)
        crashed = store.change(crashed.proposal_id, approve, now)
    long_ago = now - timedelta(days=15)
    over = store.propose(
        motion_of(Kind.DIRECTORY, without_beta_school()), "root", terms, long_ago, ""
    )
    wait_until(lambda: store.get(crashed.proposal_id).state == domain.State.EFFECTIVE)
    wait_until(lambda: store.get(over.proposal_id).state == domain.State.EXPIRED)
    root = steward(settled, "root")
    assert "alpha/late" in {each.unit_id for each in root.newest().units}
    assert root.waiting() == []
    everything = proposal_service_pb2.ListProposalsRequest()
    listed = root.proposals.ListProposals(everything).proposals
    assert len(listed) == 3
    whole = [store.get(each.proposal_id).motion for each in listed]
    assert [each.digest for each in listed] == [motion.digest for motion in whole]
    assert all(motion.payload for motion in whole)
    assert not any(each.motion.payload for each in store.newest()), "lists need none"
    assert len(UNITS) == 5
