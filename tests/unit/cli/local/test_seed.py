"""A filled log is waited for: its own view, not one that was given up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kieng.kpi.v1 import catalogue_service_pb2
from services.cli.errors import Failure
from services.cli.local import seed

View = catalogue_service_pb2.View


def clients(*views: View) -> Any:
    answer = catalogue_service_pb2.ListViewsResponse(views=views)
    return SimpleNamespace(stub=lambda kind: SimpleNamespace(ListViews=lambda request: answer))


def test_a_refused_generation_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "LIVE_SECONDS", 0.0)
    monkeypatch.setattr(seed, "POLL_SECONDS", 0.0)
    live = View(state=View.STATE_LIVE, generation=2)
    refused = View(state=View.STATE_REFUSED, generation=3)
    filled = View(state=View.STATE_BUILDING, generation=3, waiting_for=["alpha", "beta"])
    seed.wait_until_live(clients(refused, live))
    with pytest.raises(Failure, match="waits for alpha, beta"):
        seed.wait_until_live(clients(filled, live))
