"""How many approve a catalogue is what the directory says, not what a process is set to."""

from __future__ import annotations

from datetime import timedelta

from kieng.directory.v1 import directory_pb2, events_pb2
from kieng.proposals.v1 import proposal_pb2, proposal_service_pb2
from services.kpi.config import Settings
from tests.integration.kpi.api.test_agreement import (
    call,
    fresh_broker,
    steward,
    without_articles,
)
from tests.integration.kpi.test_service import publish_three, running, settings
from tests.unit.kpi.builders import catalogue_message
from tests.waiting import wait_until

__all__ = ["fresh_broker", "settings"]


def test_a_catalogue_needs_the_quorum_that_the_directory_says_when_it_is_proposed(
    settings: Settings,
) -> None:
    """Two processes with settings of their own once could ask for different quorums."""
    with running(settings) as stack:
        publish_three(stack)
        kept = call(stack, "PublishCatalogue", without_articles(), steward("alpha")).proposal
        assert (kept.quorum, kept.state) == (3, proposal_pb2.STATE_OPEN)
        terms = proposal_pb2.Terms(quorum=2, proposal_days=2)
        directory = directory_pb2.Directory(version=2, units=catalogue_message().units, terms=terms)
        event = events_pb2.DirectoryPublished(directory=directory)
        stack.publish(event, topic="kieng.directory.v1")

        def proposed() -> proposal_pb2.Proposal:
            answer = call(stack, "PublishCatalogue", without_articles(), steward("alpha"))
            return answer.proposal  # type: ignore[no-any-return]

        wait_until(lambda: proposed().quorum == 2)
        found = proposed()
        assert found.expires_at.ToDatetime() - found.proposed_at.ToDatetime() == timedelta(days=2)
        approve = proposal_service_pb2.ApproveProposalRequest(proposal_id=kept.proposal_id)
        waits = call(stack, "ApproveProposal", approve, steward("beta")).proposal
        assert (waits.quorum, waits.state) == (3, proposal_pb2.STATE_OPEN)
        approve = proposal_service_pb2.ApproveProposalRequest(proposal_id=found.proposal_id)
        done = call(stack, "ApproveProposal", approve, steward("beta")).proposal
        assert done.state == proposal_pb2.STATE_EFFECTIVE
