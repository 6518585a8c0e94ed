"""Proposals and emergencies are told to everybody."""

from __future__ import annotations

from functools import partial

from kieng.notifications.v1 import notification_pb2
from kieng.proposals.v1 import events_pb2 as proposal_events
from kieng.proposals.v1 import proposal_pb2
from services.notifications.config import Settings
from services.notifications.service import NotificationsService
from tests.integration.notifications.confirming import subscribe
from tests.integration.notifications.conftest import MailServer
from tests.integration.notifications.test_service import KPI, caller, listed, produce, subject
from tests.integration.partners.serving import Caller, running
from tests.waiting import wait_until

__all__ = ["subject"]


def is_told_twice(client: Caller) -> bool:
    """Beside the code."""
    return bool(listed(client).unread == 3)


def test_a_proposal_is_told_to_everybody_and_an_emergency_is_mailed_to_every_address(
    settings: Settings, mail_server: MailServer, subject: str
) -> None:
    proposal = proposal_pb2.Proposal(
        proposal_id=f"catalogue-{subject}-1",
        proposed_by="alpha",
        members=["alpha", "beta"],
        approved_by=["alpha"],
        state=proposal_pb2.STATE_OPEN,
        version=1,
    )
    urgent = proposal_pb2.Proposal()
    urgent.CopyFrom(proposal)
    urgent.emergency, urgent.emergency_by, urgent.version = "it burns", "alpha", 2
    with running(NotificationsService, settings) as channel:
        people = [caller(channel, subject, name) for name in ("alpha", "beta")]
        for client in people:
            motion = notification_pb2.Subscription(
                email="a@example.org", language=notification_pb2.LANGUAGE_EN
            )
            subscribe(client, mail_server, motion)
        for topic, found in ((KPI, proposal), ("kieng.directory.v1", urgent)):
            produce(settings, topic, proposal_events.ProposalChanged(proposal=found))
        for client in people:
            wait_until(partial(is_told_twice, client))
            rows = {row.kind: row for row in listed(client).notifications}
            assert "Waits for: beta" in rows[notification_pb2.KIND_PROPOSAL].body
            assert "it burns" in rows[notification_pb2.KIND_EMERGENCY].body
        mine = f"EMERGENCY, catalogue-{subject}-1: open"
        mails = mail_server.mailbox.mails
        wait_until(lambda: [mail["Subject"] for mail in mails].count(mine) == 2)
        assert not [mail for mail in mails if mail["Subject"].startswith("Proposal")]
