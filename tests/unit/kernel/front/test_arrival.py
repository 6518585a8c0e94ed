from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from grpc import _server as core

from services.kernel.front.arrival import Arrival


def arrived(state: Any, started: list[Any]) -> Arrival:
    """A call of which nothing but its state matters."""
    call = SimpleNamespace(start_server_batch=lambda *given: started.append(given))
    event = SimpleNamespace(invocation_metadata=(), call=call)
    return Arrival(None, None, event, state, None, None, None, None)


@pytest.mark.parametrize("client", [core._CANCELLED, core._OPEN], ids=["has left", "is there"])
def test_a_message_is_awaited_only_while_the_client_is_there(client: Any) -> None:
    """Else grpcio would finish the call twice, and its thread that serves all calls would end."""
    state: Any = core._RPCState()  # type: ignore[no-untyped-call]
    started, received = list[Any](), list[bytes | None]()
    state.client = client
    arrived(state, started).receive(received.append)
    is_there = client is core._OPEN
    assert (len(started), received) == ((1, []) if is_there else (0, [None]))
    assert state.due == ({core._RECEIVE_MESSAGE_TOKEN} if is_there else set())
