"""What the periodic run of proposals does with trouble that passes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.agreement.api import ProposalApi
from services.kernel.outbox import SOON_SECONDS, OutboxRelay


def down(*_: Any, **__: Any) -> Any:
    raise AutoReconnect("the database is down")


@pytest.mark.parametrize(
    ("newest", "unsent", "seconds"),
    [
        (lambda **_: [], lambda limit: [], None),
        (lambda **_: [], down, SOON_SECONDS),
        (down, down, None),
    ],
    ids=["nothing to do", "no events", "no proposals"],
)
def test_proposals_never_wait_without_a_pause(newest: Any, unsent: Any, seconds: Any) -> None:
    """In an outage the run once asked to be repeated at once, and kept a core busy."""
    api = ProposalApi()
    api.proposals = SimpleNamespace(newest=newest, unsent=unsent)
    api.proposal_relay = OutboxRelay()  # type: ignore[assignment]
    api.proposals_topic = api.proposals_source = "proposals"
    assert api.advance_proposals() == seconds
