"""The terms of proposals are data that change only by the quorum that is in force."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from kieng.directory.v1 import directory_pb2, directory_service_pb2
from kieng.directory.v1 import events_pb2 as directory_events_pb2
from kieng.proposals.v1 import proposal_pb2, proposal_service_pb2
from services.kernel.mongo import Mongo
from services.partners.config import Settings
from tests.integration.partners.serving import Log, credential, refusal_of
from tests.integration.partners.test_agreement import Office, at_rest, content, steward
from tests.integration.partners.test_directory import first_directory, publish, unit
from tests.integration.partners.test_partners import partner

INSTITUTION = directory_pb2.UNIT_KIND_INSTITUTION
OPEN, EFFECTIVE = proposal_pb2.STATE_OPEN, proposal_pb2.STATE_EFFECTIVE
INVALID = grpc.StatusCode.INVALID_ARGUMENT
TOO_LATE = grpc.StatusCode.FAILED_PRECONDITION


def wanted(quorum: int = 0, urgent: int = 0, days: int = 0) -> proposal_pb2.Terms:
    return proposal_pb2.Terms(quorum=quorum, emergency_quorum=urgent, proposal_days=days)


def change(office: Office, terms: proposal_pb2.Terms) -> directory_service_pb2.ChangeTermsResponse:
    request = directory_service_pb2.ChangeTermsRequest(terms=terms)
    answer = office.directory.ChangeTerms(request)
    assert isinstance(answer, directory_service_pb2.ChangeTermsResponse)
    return answer


@pytest.fixture
def three(channel: grpc.Channel, empty_database: Mongo) -> list[Office]:
    """The stewards of three institutions that have a tree, and no terms yet."""
    first_directory(channel)
    offices = [steward(channel, name) for name in ("alpha", "beta", "gamma")]
    gamma = publish(unit("gamma", "root", INSTITUTION, "Đại học Ba"))
    found = steward(channel, "root").directory.PublishDirectory(gamma).proposal
    for office in offices[:2]:
        found = office.approve(found)
    assert found.state == EFFECTIVE
    at_rest(empty_database)
    return offices


def test_no_institution_lowers_the_quorum_alone_and_all_of_them_do(
    three: list[Office], empty_database: Mongo, settings: Settings
) -> None:
    alpha, beta, gamma = three
    before = at_rest(empty_database, "proposals")
    answer = change(alpha, wanted(2, days=30))
    assert (answer.version, answer.terms) == (2, wanted())
    assert (answer.proposal.quorum, list(answer.proposal.approved_by)) == (3, ["alpha"])
    urgent = proposal_service_pb2.DeclareEmergencyRequest(
        proposal_id=answer.proposal.proposal_id, reason="two are enough for this"
    )
    assert refusal_of(beta.proposals.DeclareEmergency, urgent)[0] == TOO_LATE
    assert beta.approve(answer.proposal).state == OPEN
    assert content(empty_database, "proposals") == before
    # What is open keeps the terms under which it was proposed.
    beta.partners.RegisterPartner(partner("Mẫu Điện"))
    kept = beta.partners.RegisterPartner(partner("Mẫu Điện", "Tên Cũ")).proposal
    assert gamma.approve(answer.proposal).outcome == "3"
    assert alpha.newest().terms == wanted(2, days=30)
    assert alpha.newest().units[0].unit_id == "root"
    assert change(alpha, wanted(2, days=30)).version == 3
    assert alpha.approve(kept).state == OPEN

    made = beta.partners.RegisterPartner(partner("Mẫu Điện", "Tên Mới")).proposal
    assert (made.quorum, made.state) == (2, OPEN)
    lifetime = made.expires_at.ToDatetime() - made.proposed_at.ToDatetime()
    assert lifetime == timedelta(days=30)
    assert alpha.approve(made).state == EFFECTIVE
    # The tree that others publish later has the same terms, and every version is an event.
    beta.directory.PublishDirectory(publish_of(beta, "beta/new"))
    assert beta.newest().terms == wanted(2, days=30)
    with Log(settings.kafka_bootstrap, "kieng.directory.v1") as log:
        # Trees of other tests are in the same log.
        terms = wanted(2, days=30).SerializeToString()
        record = log.first(lambda each: b"beta/new" in each.value and terms in each.value)
    event = directory_events_pb2.DirectoryPublished.FromString(record.value)
    assert event.directory.terms == wanted(2, days=30)


def publish_of(office: Office, unit_id: str) -> directory_service_pb2.PublishDirectoryRequest:
    """The newest tree with one more group."""
    group = unit(unit_id, unit_id.partition("/")[0], directory_pb2.UNIT_KIND_GROUP, unit_id)
    return directory_service_pb2.PublishDirectoryRequest(units=[*office.newest().units, group])


def test_what_was_proposed_under_a_smaller_quorum_fails_when_another_is_in_force(
    three: list[Office],
) -> None:
    alpha, beta, gamma = three
    for office in three:
        lowered = change(office, wanted(2)).proposal
    assert lowered.state == EFFECTIVE
    one = change(alpha, wanted(1)).proposal
    assert (one.quorum, one.state) == (2, OPEN)
    # Two are enough now, also to ask for three again.
    change(alpha, wanted(3))
    assert change(gamma, wanted(3)).terms == wanted(3)
    failed = beta.approve(one)
    assert failed.state == proposal_pb2.STATE_FAILED
    assert "other terms hold" in failed.outcome
    again = change(alpha, wanted(1)).proposal
    assert (again.quorum, again.proposal_id != one.proposal_id) == (3, True)
    assert beta.approve(again).state == OPEN
    assert alpha.newest().terms == wanted(3)


def test_who_votes_on_terms_is_who_is_bound_when_they_take_effect(
    channel: grpc.Channel, three: list[Office]
) -> None:
    alpha, beta, gamma = three
    waits = change(alpha, wanted(2)).proposal
    delta = [*alpha.newest().units, unit("delta", "root", INSTITUTION, "Đại học Bốn")]
    request = directory_service_pb2.PublishDirectoryRequest(units=delta)
    for office in three:
        office.directory.PublishDirectory(request)
    assert len(alpha.newest().units) == 7
    beta.approve(waits)
    assert gamma.approve(waits).state == proposal_pb2.STATE_FAILED
    assert list(change(steward(channel, "delta"), wanted(2)).proposal.members) == [
        *("alpha", "beta", "delta", "gamma")
    ]


def test_terms_that_cannot_be_met_and_callers_who_may_not_are_refused(
    channel: grpc.Channel, three: list[Office], empty_database: Mongo
) -> None:
    alpha = three[0]
    before = at_rest(empty_database)
    ask = directory_service_pb2.ChangeTermsRequest
    for terms in (wanted(4), wanted(-1), wanted(2, 3), wanted(0, -1), wanted(days=366)):
        assert refusal_of(alpha.directory.ChangeTerms, ask(terms=terms))[0] == INVALID
    stale = ask(terms=wanted(2), replaced=wanted(1))
    assert refusal_of(alpha.directory.ChangeTerms, stale)[0] == TOO_LATE
    denied = grpc.StatusCode.PERMISSION_DENIED
    for metadata in (
        credential("alpha", "dean", "steward", unit="alpha/sci"),
        credential("alpha", "boss", "viewer", "auditor", "operator", "approver"),
    ):
        office = Office(channel, metadata)
        assert refusal_of(office.directory.ChangeTerms, ask(terms=wanted(2)))[0] == denied
    assert content(empty_database) == before
    root = steward(channel, "root")
    assert list(change(root, wanted(2)).proposal.approved_by) == []


def test_there_are_no_terms_before_there_is_a_directory(
    channel: grpc.Channel, empty_database: Mongo
) -> None:
    request = directory_service_pb2.ChangeTermsRequest(terms=wanted(1))
    code, _ = refusal_of(steward(channel, "alpha").directory.ChangeTerms, request)
    assert code == TOO_LATE
    assert content(empty_database)["directories"] == []
