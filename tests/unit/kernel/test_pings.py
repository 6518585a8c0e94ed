from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import Any

import grpc as grpcio
import pytest

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from services.kernel import grpc as module
from services.kernel.config import KernelSettings
from tests.unit.kernel.serving import Client, running, token

INTERVAL = "grpc.http2.min_ping_interval_without_data_ms"
CLIENT_PINGS_MS = 1000
"""The shortest interval of grpcio."""
PINGS = 5
"""So many that a server that minds them, which is from the third on, has ended the connection."""


def quiet_stream(client: Client) -> list[Any]:
    """The messages of a stream on which a client pings, and nobody says anything for a while."""
    over = Event()

    def answer(request: Any, call: Any) -> Iterator[Any]:
        over.wait(PINGS * CLIENT_PINGS_MS / 1000)
        yield api.WatchNotificationsResponse()

    client.behaviour.answer = answer
    options = [
        ("grpc.keepalive_time_ms", CLIENT_PINGS_MS),
        ("grpc.http2.max_pings_without_data", 0),
    ]
    address = f"127.0.0.1:{client.server.port}"
    with grpcio.insecure_channel(address, options) as channel:
        metadata = (("authorization", f"Bearer {token()}"),)
        stub = NotificationServiceStub(channel)
        return list(stub.WatchNotifications(api.WatchNotificationsRequest(), metadata=metadata))


@pytest.fixture
def server_minds(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the server mind pings that come sooner than so many milliseconds."""

    def mind(milliseconds: int) -> None:
        assert dict(module.OPTIONS)[INTERVAL] == 8000
        options = {**dict(module.OPTIONS), INTERVAL: milliseconds}
        monkeypatch.setattr(module, "OPTIONS", list(options.items()))

    return mind


def test_a_client_that_pings_as_often_as_it_may_keeps_a_quiet_stream(
    server_minds: Any, settings: KernelSettings
) -> None:
    server_minds(CLIENT_PINGS_MS // 2)
    with running(settings) as client:
        assert len(quiet_stream(client)) == 2


def test_the_connection_of_a_client_that_pings_more_often_is_closed(
    server_minds: Any, settings: KernelSettings
) -> None:
    server_minds(CLIENT_PINGS_MS * 20)
    with running(settings) as client, pytest.raises(grpcio.RpcError) as closed:
        quiet_stream(client)
    assert closed.value.code() is grpcio.StatusCode.UNAVAILABLE
    assert "ping" in (closed.value.details() or "").lower()
