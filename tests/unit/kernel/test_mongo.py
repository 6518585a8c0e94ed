from __future__ import annotations

import time

import pytest

from services.cli.local.ports import free_ports
from services.kernel.mongo import DOWN, SOCKET_TIMEOUT_MS, Mongo
from services.kpi.store.transactions import transaction


def test_a_database_that_is_not_there_is_down_after_the_timeout() -> None:
    mongo = Mongo(f"mongodb://127.0.0.1:{free_ports(1)[0]}/", 100)
    begin = time.monotonic()
    with pytest.raises(DOWN):
        transaction(mongo, lambda session: mongo.client.x.things.find_one(session=session))
    with pytest.raises(DOWN):
        mongo.database("x").things.insert_one({})
    assert time.monotonic() - begin < 3
    mongo.close()


def test_no_call_waits_for_ever_and_every_write_is_for_the_majority() -> None:
    mongo = Mongo("mongodb://127.0.0.1:1/", 100)
    assert mongo.client.options.pool_options.socket_timeout == SOCKET_TIMEOUT_MS / 1000
    assert mongo.database("x").write_concern.document == {"w": "majority", "j": True}
    mongo.close()
