"""A database and a neighbour that stop answering without closing a connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc as grpcio
import pytest
from pymongo.errors import PyMongoError

from services.kernel.config import KernelSettings
from services.kernel.interceptors import Call
from services.kernel.mongo import Mongo, within
from tests.conftest import RunningDatabase
from tests.pausing import paused
from tests.unit.kernel.serving import Client, reason_of, refused, running, write_issuers

LIMIT_SECONDS = 1.0
# What a call takes beside its limit, on a busy machine.
SLACK_SECONDS = 1.5


@pytest.fixture
def client(mongo: RunningDatabase, tmp_path: Path) -> Iterator[Client]:
    issuers = write_issuers(tmp_path / "issuers.json")
    limit_ms = int(LIMIT_SECONDS * 1000)
    settings = KernelSettings(issuers_file=issuers, mongo_uri=mongo.uri, mongo_timeout_ms=limit_ms)
    with running(settings) as client:
        yield client


@pytest.fixture
def connected(mongo: RunningDatabase) -> Iterator[Mongo]:
    # As patient as a consumer's loop is; a call is bounded by itself.
    connected = Mongo(mongo.uri, 20_000)
    connected.client.admin.command("ping")
    yield connected
    connected.close()


def read(mongo: Mongo) -> None:
    mongo.database("frozen").things.find_one()


def write_in_a_transaction(mongo: Mongo) -> None:
    with mongo.client.start_session() as session:
        session.with_transaction(
            lambda session: mongo.database("frozen").things.insert_one({}, session=session)
        )


@pytest.mark.parametrize("ask", [read, write_in_a_transaction])
def test_a_call_ends_at_its_limit_though_the_database_is_frozen(
    client: Client, connected: Mongo, mongo: RunningDatabase, ask: Any
) -> None:
    def answer(request: Any, call: Call) -> None:
        ask(connected)

    client.behaviour.answer = answer
    client.get()
    with paused(mongo.pid):
        begin = time.monotonic()
        error: Any = refused(lambda: client.get(timeout=20))
        assert time.monotonic() - begin < LIMIT_SECONDS + SLACK_SECONDS
        assert error.code() is grpcio.StatusCode.UNAVAILABLE
        assert reason_of(error) == "DEPENDENCY_DOWN"
    client.get(timeout=20)


def test_what_is_not_in_a_call_keeps_its_own_patience(
    connected: Mongo, mongo: RunningDatabase
) -> None:
    with paused(mongo.pid), pytest.raises(PyMongoError) as ended, within(0.2):
        read(connected)
    assert ended.value.timeout
    read(connected)
