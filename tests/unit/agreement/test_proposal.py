"""When a proposal is carried, lost, expired or an emergency; by example and by exhaustion."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kieng.proposals.v1 import proposal_pb2
from services.agreement.domain import (
    Agreement,
    Kind,
    Motion,
    Proposal,
    State,
    approve,
    declare_emergency,
    expired,
    members_of,
    propose,
    reject,
    settled,
)
from services.agreement.wire import agreement_of
from services.kernel.errors import Forbidden, WrongState

NOW = datetime(2026, 1, 5, tzinfo=UTC)
THREE = Agreement(("alpha", "beta", "gamma"))
MOTION = Motion(Kind.CATALOGUE, b"payload")


def made(agreement: Agreement = THREE, *affected: str) -> Proposal:
    return propose(replace(MOTION, affected=frozenset(affected)), 1, "alpha", agreement, NOW)


def test_a_new_proposal_is_bound_to_what_it_holds_and_nobody_has_approved_it() -> None:
    found = made()
    assert (found.state, found.approved_by, found.version) == (State.OPEN, frozenset(), 1)
    assert found.proposal_id == f"catalogue-{MOTION.digest[:12]}-1"
    assert found.expires_at == NOW + timedelta(days=14)
    others = (Motion(Kind.CATALOGUE, b"payloae"), Motion(Kind.ROLLBACK, b"payload"))
    assert MOTION.digest not in {other.digest for other in others}
    # Whose units it changes follows from the payload and is no part of it.
    assert replace(MOTION, affected=frozenset({"beta"})).digest == MOTION.digest


def test_all_have_to_approve_by_default_and_each_counts_once() -> None:
    found = approve(approve(made(), "alpha", NOW), "beta", NOW)
    assert found.state is State.OPEN
    assert approve(found, "beta", NOW) is found
    found = approve(found, "gamma", NOW)
    assert (found.state, found.version) == (State.APPROVED, 4)
    assert approve(found, "gamma", NOW) is found
    done = settled(found, State.EFFECTIVE, "g1-c2-f2")
    assert (done.state, done.outcome, done.is_closed) == (State.EFFECTIVE, "g1-c2-f2", True)


def test_one_rejection_ends_what_all_have_to_approve() -> None:
    found = reject(approve(made(), "alpha", NOW), "beta", NOW)
    assert found.state is State.REJECTED
    assert reject(found, "beta", NOW) is found
    with pytest.raises(WrongState, match="is rejected") as refusal:
        approve(found, "gamma", NOW)
    assert refusal.value.reason == "PROPOSAL_CLOSED"


def test_a_vote_may_be_changed_while_the_proposal_is_open() -> None:
    two_of_three = replace(THREE, quorum=2)
    found = approve(reject(made(two_of_three), "beta", NOW), "alpha", NOW)
    assert found.state is State.OPEN
    found = approve(found, "beta", NOW)
    assert (found.state, found.rejected_by) == (State.APPROVED, frozenset())


def test_whose_units_change_has_to_approve_whatever_the_quorum() -> None:
    one_of_three = replace(THREE, quorum=1)
    found = approve(made(one_of_three, "beta"), "alpha", NOW)
    assert found.state is State.OPEN
    assert approve(found, "beta", NOW).state is State.APPROVED
    assert reject(found, "beta", NOW).state is State.REJECTED
    assert reject(found, "gamma", NOW).state is State.OPEN


@pytest.mark.parametrize("stranger", ["delta", "root", ""])
def test_who_is_not_bound_has_no_vote(stranger: str) -> None:
    found = made()
    for vote in (approve, reject):
        with pytest.raises(Forbidden) as refusal:
            vote(found, stranger, NOW)
        assert refusal.value.reason == "NO_VOTE"
    with pytest.raises(Forbidden):
        declare_emergency(found, stranger, "it burns", NOW)


def test_nothing_is_carried_where_nobody_is_bound() -> None:
    nobody = Agreement(())
    assert (nobody.needed, nobody.needed_in_emergency) == (1, 1)
    assert not made(nobody).is_carried


def test_an_emergency_needs_more_than_half_and_keeps_its_first_reason() -> None:
    found = declare_emergency(made(THREE, "gamma"), "alpha", "the log is lost", NOW)
    assert (found.state, found.needed, found.emergency_by) == (State.OPEN, 2, "alpha")
    found = declare_emergency(found, "beta", "another reason", NOW)
    assert (found.state, found.emergency) == (State.APPROVED, "the log is lost")
    with pytest.raises(WrongState):
        declare_emergency(settled(found, State.FAILED, "x"), "gamma", "again", NOW)


def test_an_emergency_never_needs_more_than_the_quorum() -> None:
    assert replace(THREE, quorum=1).needed_in_emergency == 1
    assert replace(THREE, quorum=9).needed == 3
    assert replace(THREE, emergency_quorum=1).needed_in_emergency == 1
    assert Agreement(("alpha", "beta")).needed_in_emergency == 2


def test_other_terms_are_never_an_emergency() -> None:
    """Two of three could otherwise agree that one is enough."""
    found = propose(Motion(Kind.TERMS, b"quorum 1"), 1, "alpha", THREE, NOW)
    with pytest.raises(WrongState, match="quorum that holds now") as refusal:
        declare_emergency(approve(found, "alpha", NOW), "beta", "at once", NOW)
    assert refusal.value.reason == "NO_EMERGENCY"


def test_the_terms_of_a_vote_are_those_that_were_agreed_and_else_the_defaults() -> None:
    agreed = agreement_of(proposal_pb2.Terms(quorum=2, proposal_days=3), ["gamma", "alpha", "beta"])
    assert (agreed.needed, agreed.lifetime) == (2, timedelta(days=3))
    assert agreement_of(proposal_pb2.Terms(), THREE.members) == THREE


def test_what_is_not_approved_in_time_expires_and_takes_no_vote() -> None:
    found, late = approve(made(), "alpha", NOW), NOW + timedelta(days=14)
    assert expired(found, late - timedelta(seconds=1)) is found
    gone = expired(found, late)
    assert (gone.state, gone.version) == (State.EXPIRED, 3)
    assert expired(gone, late) is gone
    with pytest.raises(WrongState, match="is expired"):
        approve(found, "beta", late)


def test_members_are_in_order_and_only_once() -> None:
    assert members_of(["b", "a", "b"]) == ("a", "b")


def carried(quorum: int, affected: set[str], approved: set[str], rejected: set[str]) -> str:
    """The rule once more, in other words."""
    if len(approved) >= quorum and affected.issubset(approved):
        return "approved"
    if affected & rejected or 3 - len(rejected) < quorum:
        return "rejected"
    return "open"


def test_every_order_of_votes_ends_as_the_rule_says() -> None:
    votes = list(itertools.product(THREE.members, (approve, reject)))
    seen = set()
    for quorum, affected, order in itertools.product(
        (1, 2, 3), ((), ("beta",), ("alpha", "gamma")), itertools.permutations(votes, 4)
    ):
        found = made(replace(THREE, quorum=quorum), *affected)
        approved, rejected = set[str](), set[str]()
        for institution, vote in order:
            if found.state is not State.OPEN:
                break
            found = vote(found, institution, NOW)
            (approved if vote is approve else rejected).add(institution)
            (rejected if vote is approve else approved).discard(institution)
            wanted = carried(quorum, set(affected), approved, rejected)
            assert found.state == wanted, (quorum, affected, order)
            seen.add(wanted)
    assert seen == {"open", "approved", "rejected"}
