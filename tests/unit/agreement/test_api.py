"""What the periodic run of proposals does with trouble that passes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.agreement.api import ProposalApi
from services.agreement.domain import Agreement, Kind, Motion, Proposal, State, approve, propose
from services.kernel.outbox import SOON_SECONDS, OutboxRelay


def down(*_: Any, **__: Any) -> Any:
    raise AutoReconnect("the database is down")


@pytest.mark.parametrize(
    ("due", "unsent", "seconds"),
    [
        (lambda now: [], lambda limit: [], None),
        (lambda now: [], down, SOON_SECONDS),
        (down, down, None),
    ],
    ids=["nothing to do", "no events", "no proposals"],
)
def test_proposals_never_wait_without_a_pause(due: Any, unsent: Any, seconds: Any) -> None:
    """In an outage the run once asked to be repeated at once, and kept a core busy."""
    api = ProposalApi()
    api.proposals = SimpleNamespace(due=due, unsent=unsent)
    api.proposal_relay = OutboxRelay()  # type: ignore[assignment]
    api.proposals_topic = api.proposals_source = "proposals"
    assert api.advance_proposals() == seconds


class Kept:
    """Proposals in memory: one that is approved."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        motion = Motion(Kind.CATALOGUE, b"payload")
        made = propose(motion, 1, "alpha", Agreement(("alpha",)), now)
        self.found = [approve(made, "alpha", now)]

    def due(self, now: datetime) -> list[Proposal]:
        return self.found

    def change(
        self, proposal_id: str, change: Callable[[Proposal], Proposal], now: datetime
    ) -> Proposal:
        self.found = [change(each) for each in self.found]
        return self.found[0]

    def unsent(self, limit: int) -> list[Any]:
        return []


def test_a_run_that_carries_out_what_is_approved_does_not_wake_itself() -> None:
    """It did for each proposal that was open, and so never rested while there was one."""
    api, kept = ProposalApi(), Kept()
    api.proposals, api.proposal_relay = kept, OutboxRelay()  # type: ignore[assignment]
    api.proposals_topic = api.proposals_source = "proposals"
    api.wake_proposals = lambda: pytest.fail("woken")  # type: ignore[assignment]
    api.take_effect = lambda motion: "done"  # type: ignore[method-assign]
    api.advance_proposals()
    assert [each.state for each in kept.found] == [State.EFFECTIVE]
