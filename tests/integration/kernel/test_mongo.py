"""What the process shows of its connections to the database."""

from __future__ import annotations

from prometheus_client import REGISTRY

from services.kernel.mongo import Mongo
from tests.conftest import RunningDatabase


def test_connections_in_use_are_counted(mongo: RunningDatabase) -> None:
    connection = Mongo(mongo.uri, 5000)
    connection.client.admin.command("ping")
    assert shown("busy") == 0
    (server,) = connection.client._topology._servers.values()
    with server.pool.checkout():
        assert shown("busy") == connection.connections_busy() == 1
    assert (shown("busy"), shown("limit")) == (0, 100)
    connection.close()


def shown(name: str) -> float | None:
    return REGISTRY.get_sample_value(f"kieng_mongo_connections_{name}")
