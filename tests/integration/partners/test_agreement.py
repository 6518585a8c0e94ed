"""No institution alone changes what another sees in the directory or among the partners."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bson
import grpc
import pytest

from kieng.directory.v1 import directory_pb2, directory_service_pb2, directory_service_pb2_grpc
from kieng.partners.v1 import partner_service_pb2, partner_service_pb2_grpc
from kieng.proposals.v1 import (
    proposal_pb2,
    proposal_service_pb2,
    proposal_service_pb2_grpc,
)
from services.agreement.store import OPEN_MAX
from services.kernel.mongo import Mongo
from services.partners.schema import DATABASE
from tests.integration.partners.serving import Caller, credential, refusal_of
from tests.integration.partners.test_directory import (
    first_directory,
    publish,
    unit,
)
from tests.integration.partners.test_partners import partner
from tests.waiting import wait_until

GROUP = directory_pb2.UNIT_KIND_GROUP
Metadata = tuple[tuple[str, str], ...]


class Office:
    """One caller of every RPC of the service."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata) -> None:
        self.directory = Caller(directory_service_pb2_grpc.DirectoryServiceStub(channel), metadata)
        self.partners = Caller(partner_service_pb2_grpc.PartnerServiceStub(channel), metadata)
        self.proposals = Caller(proposal_service_pb2_grpc.ProposalServiceStub(channel), metadata)

    def newest(self) -> directory_pb2.Directory:
        request = directory_service_pb2.GetDirectoryRequest()
        return directory_pb2.Directory.FromString(
            self.directory.GetDirectory(request).directory.SerializeToString()
        )

    def approve(self, found: proposal_pb2.Proposal) -> proposal_pb2.Proposal:
        request = proposal_service_pb2.ApproveProposalRequest(proposal_id=found.proposal_id)
        answer = self.proposals.ApproveProposal(request)
        assert isinstance(answer, proposal_service_pb2.ApproveProposalResponse)
        return answer.proposal

    def waiting(self) -> list[proposal_pb2.Proposal]:
        request = proposal_service_pb2.ListProposalsRequest(open_only=True)
        return list(self.proposals.ListProposals(request).proposals)


def steward(channel: grpc.Channel, institution: str) -> Office:
    return Office(channel, credential(institution, "keeper", "steward"))


def content(connection: Mongo, *without: str) -> dict[str, list[bytes]]:
    """Every document of the database, as bytes."""
    database = connection.database(DATABASE)
    return {
        name: sorted(bson.encode(document) for document in database[name].find({}))
        for name in database.list_collection_names()
        if name not in without
    }


def at_rest(connection: Mongo, *without: str) -> dict[str, list[bytes]]:
    """The same when every event is published, so that nothing but a call changes it."""
    database = connection.database(DATABASE)
    names = ("directories", "partners", "proposals")
    wait_until(lambda: not any(database[name].find_one({"unsent": True}) for name in names))
    return content(connection, *without)


@pytest.fixture
def settled(channel: grpc.Channel, empty_database: Mongo) -> grpc.Channel:
    """A channel to the service with the first directory, when all events are published."""
    first_directory(channel)
    at_rest(empty_database)
    return channel


def without_beta_school() -> Any:
    """The tree in which a school of beta has ended."""
    request = publish()
    for each in request.units:
        if each.unit_id == "beta/sci":
            each.valid_to = "2026-01-01"
    return request


def test_a_university_cannot_end_a_school_of_another(
    settled: grpc.Channel, empty_database: Mongo
) -> None:
    alpha, beta = steward(settled, "alpha"), steward(settled, "beta")
    before, seen = at_rest(empty_database, "proposals"), beta.newest()
    answer = alpha.directory.PublishDirectory(without_beta_school())
    assert answer.version == 1
    assert answer.proposal.state == proposal_pb2.STATE_OPEN
    assert list(answer.proposal.affected) == ["beta"]
    assert list(answer.proposal.approved_by) == ["alpha"]
    assert alpha.approve(answer.proposal).state == proposal_pb2.STATE_OPEN
    assert content(empty_database, "proposals") == before
    assert beta.newest() == seen

    (found,) = beta.waiting()
    assert found.proposal_id == answer.proposal.proposal_id
    reject = proposal_service_pb2.RejectProposalRequest(proposal_id=found.proposal_id)
    assert beta.proposals.RejectProposal(reject).proposal.state == proposal_pb2.STATE_REJECTED
    again = proposal_service_pb2.ApproveProposalRequest(proposal_id=found.proposal_id)
    code, told = refusal_of(beta.proposals.ApproveProposal, again)
    assert (code, told) == (grpc.StatusCode.FAILED_PRECONDITION, {"state": "rejected"})
    assert content(empty_database, "proposals") == before

    # The same motion once more is another proposal, and now the owner wants it.
    repeated = alpha.directory.PublishDirectory(without_beta_school()).proposal
    assert repeated.proposal_id.endswith("-2")
    done = beta.approve(repeated)
    assert (done.state, done.outcome) == (proposal_pb2.STATE_EFFECTIVE, "2")
    assert {u.unit_id: u.valid_to for u in beta.newest().units}["beta/sci"] == "2026-01-01"


def test_an_institution_changes_its_own_units_at_once_and_only_as_far_as_the_token_reaches(
    settled: grpc.Channel, empty_database: Mongo
) -> None:
    alpha = steward(settled, "alpha")
    mine = publish(unit("alpha/new", "alpha", GROUP, "Nhóm"))
    answer = alpha.directory.PublishDirectory(mine)
    assert (answer.version, answer.HasField("proposal")) == (2, False)
    part = Office(settled, credential("alpha", "dean", "steward", unit="alpha/sci"))
    below = publish(
        unit("alpha/new", "alpha", GROUP, "Nhóm"), unit("alpha/sci/x", "alpha/sci", GROUP, "X")
    )
    assert part.directory.PublishDirectory(below).version == 3
    before = at_rest(empty_database)
    beside = publish(*below.units[-2:], unit("alpha/y", "alpha", GROUP, "Y"))
    for refused in (beside, without_beta_school()):
        code, _ = refusal_of(part.directory.PublishDirectory, refused)
        assert code == grpc.StatusCode.PERMISSION_DENIED
    assert content(empty_database) == before


def test_what_others_changed_since_the_base_version_stays(settled: grpc.Channel) -> None:
    alpha, beta = steward(settled, "alpha"), steward(settled, "beta")
    beta.directory.PublishDirectory(publish(unit("beta/new", "beta", GROUP, "Nhóm B")))
    stale = publish(unit("alpha/new", "alpha", GROUP, "Nhóm A"))
    # Without its base it would take away what beta has added, which is beta's.
    assert list(alpha.directory.PublishDirectory(stale).proposal.affected) == ["alpha", "beta"]
    stale.base_version = 1
    assert alpha.directory.PublishDirectory(stale).version == 3
    assert {"alpha/new", "beta/new"} <= {each.unit_id for each in alpha.newest().units}
    stale.base_version = 9
    code, _ = refusal_of(alpha.directory.PublishDirectory, stale)
    assert code == grpc.StatusCode.NOT_FOUND


def test_an_approved_tree_leaves_what_was_changed_since_and_fails_on_the_same_unit(
    settled: grpc.Channel,
) -> None:
    root, alpha, beta = (steward(settled, name) for name in ("root", "alpha", "beta"))
    fine = root.directory.PublishDirectory(publish(unit("beta/x", "beta", GROUP, "X"))).proposal
    stale = root.directory.PublishDirectory(without_beta_school()).proposal
    school = publish()
    for each in school.units:
        if each.unit_id == "beta/sci":
            each.abbreviation = "BS"
    assert beta.directory.PublishDirectory(school).version == 2
    for found in (fine, stale):
        alpha.approve(found)
    assert beta.approve(fine).outcome == "3"
    failed = beta.approve(stale)
    assert failed.state == proposal_pb2.STATE_FAILED
    assert "beta/sci was changed in the meantime" in failed.outcome
    units = {each.unit_id: each for each in beta.newest().units}
    assert units["beta/sci"].abbreviation == "BS"
    assert "beta/x" in units


def test_a_shared_partner_is_not_changed_by_one_university(
    settled: grpc.Channel, empty_database: Mongo
) -> None:
    alpha, beta = steward(settled, "alpha"), steward(settled, "beta")
    beta.partners.RegisterPartner(partner("Mẫu Điện", tax_code="0100233488"))
    before = at_rest(empty_database, "proposals")
    asked = partner("Mẫu Điện", "Tên Của Người Khác")
    answer = alpha.partners.RegisterPartner(asked)
    assert (answer.created, list(answer.partner.aliases)) == (False, [])
    assert answer.proposal.kind == proposal_pb2.KIND_PARTNER
    assert content(empty_database, "proposals") == before
    resolve = partner_service_pb2.ResolvePartnerRequest(query="Tên Của Người Khác")
    assert refusal_of(beta.partners.ResolvePartner, resolve)[0] == grpc.StatusCode.NOT_FOUND
    # Who proposes the same approves it, and nothing else was missing.
    agreed = beta.partners.RegisterPartner(asked)
    assert agreed.proposal.state == proposal_pb2.STATE_EFFECTIVE
    assert list(agreed.partner.aliases) == ["Tên Của Người Khác"]
    assert beta.partners.ResolvePartner(resolve).partner == agreed.partner
    new = alpha.partners.RegisterPartner(partner("Mẫu Mới"))
    assert (new.created, new.HasField("proposal")) == (True, False)


def test_one_institution_cannot_fill_the_list_of_proposals(settled: grpc.Channel) -> None:
    """A list holds 200; beyond it the proposals of others would neither be seen nor carried out."""
    alpha, beta = steward(settled, "alpha"), steward(settled, "beta")
    beta.partners.RegisterPartner(partner("Mẫu Điện"))
    for number in range(OPEN_MAX):
        alpha.partners.RegisterPartner(partner("Mẫu Điện", f"Tên {number}"))
    more = partner("Mẫu Điện", "Tên nữa")
    code, _ = refusal_of(alpha.partners.RegisterPartner, more)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(alpha.waiting()) == OPEN_MAX
    theirs = beta.partners.RegisterPartner(more).proposal
    assert alpha.approve(theirs).state == proposal_pb2.STATE_EFFECTIVE


def denied(found: proposal_pb2.Proposal) -> Iterator[tuple[str, str, Any]]:
    """Service, RPC and request of every change, on things that are there."""
    proposal_id = found.proposal_id
    yield "directory", "PublishDirectory", without_beta_school()
    yield "partners", "RegisterPartner", partner("Mẫu Điện", "Tên Khác")
    for name, request in (
        ("ApproveProposal", proposal_service_pb2.ApproveProposalRequest(proposal_id=proposal_id)),
        ("RejectProposal", proposal_service_pb2.RejectProposalRequest(proposal_id=proposal_id)),
        (
            "DeclareEmergency",
            proposal_service_pb2.DeclareEmergencyRequest(proposal_id=proposal_id, reason="x"),
        ),
    ):
        yield "proposals", name, request


def test_every_denied_change_leaves_every_byte_of_the_database_as_it_was(
    settled: grpc.Channel, empty_database: Mongo
) -> None:
    found = steward(settled, "root").directory.PublishDirectory(without_beta_school()).proposal
    steward(settled, "root").partners.RegisterPartner(partner("Mẫu Điện"))
    before = at_rest(empty_database)
    expired = credential("alpha", "keeper", "steward")[0][1][:-6] + "AAAAAA"
    callers: list[Metadata] = [
        (),
        (("authorization", "Bearer x"),),
        (("authorization", expired),),
        credential("alpha", "dean", "steward", unit="alpha/sci"),
        credential("alpha", "boss", "viewer", "auditor", "operator", "approver", "reviewer"),
        credential("beta", "nobody"),
    ]
    seen = set()
    for metadata in callers:
        office = Office(settled, metadata)
        for service, name, request in denied(found):
            code, _ = refusal_of(getattr(getattr(office, service), name), request)
            assert code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
            assert content(empty_database) == before, (metadata, name)
            seen.add((name, code))
    assert len(seen) == 10
    # The consortium proposes and has no vote.
    root = steward(settled, "root")
    for service, name, request in denied(found):
        if service == "proposals":
            code, _ = refusal_of(getattr(root.proposals, name), request)
            assert code == grpc.StatusCode.PERMISSION_DENIED
    assert content(empty_database) == before
