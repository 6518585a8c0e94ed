"""A server of MongoDB's protocol that lacks a feature is told apart from one that has all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, OperationFailure

from services.cli.checks import infrastructure
from services.cli.client.stack import Stack
from services.cli.errors import NO
from services.cli.main import main
from services.kernel import mongo_features, runner
from services.kernel.errors import NotReady
from services.kernel.mongo import Mongo, declare
from services.kernel.mongo_features import CHECKS, missing
from tests.conftest import RunningDatabase


@pytest.fixture
def database(mongo: RunningDatabase, database_name: str) -> Iterator[Any]:
    with closing(Mongo(mongo.uri, 5000)) as connection:
        yield connection.database(database_name)
        connection.client.drop_database(database_name)


@pytest.fixture(autouse=True)
def _features_are_not_known_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongo_features, "_capable", set())


@pytest.fixture
def without_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """As FerretDB 1 on SQLite: sessions are taken, and each write stands by itself."""
    monkeypatch.setattr(ClientSession, "start_transaction", lambda *given: None)


def test_the_database_of_the_tests_has_everything_and_keeps_no_trial(database: Any) -> None:
    assert missing(database) == []
    assert list(database["schema"].find({})) == []


def test_a_database_without_transactions_is_told_by_what_it_does(
    database: Any, without_transactions: None
) -> None:
    atomic, snapshot, conflicts = missing(database)
    assert atomic.startswith("atomic transactions (read 2 inside, 2 beside and 2 after")
    assert snapshot.startswith("transactions that read one snapshot (a later write")
    assert conflicts.startswith("write conflicts between transactions (two wrote one document")
    assert list(database["schema"].find({})) == []


def test_a_server_that_refuses_a_command_is_told_with_its_answer(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: Any, **named: Any) -> Any:
        raise OperationFailure("aggregate is not implemented")

    monkeypatch.setattr(Collection, "aggregate", refuse)
    (lacking,) = missing(database)
    assert lacking.startswith("aggregation by $group")
    assert "not implemented" in lacking


def test_a_database_that_is_down_lacks_nothing(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*given: Any) -> str:
        raise AutoReconnect("connection lost")

    monkeypatch.setitem(CHECKS, "a replica set", lose)
    with pytest.raises(AutoReconnect):
        missing(database)


@pytest.mark.usefixtures("restored_log")
def test_everything_that_starts_on_it_says_what_is_missing_and_where_to_read(
    mongo: RunningDatabase,
    database: Any,
    without_transactions: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(NotReady, match=r"lacks atomic transactions .*docs/databases\.md"):
        declare(database, [], 1)
    found, *_ = infrastructure.check_database(Stack("", mongo=mongo.uri))
    assert (found.check, found.exit_code) == ("database", NO)
    assert "atomic transactions" in found.detail
    assert mongo_features.PAGE in found.remedy
    with pytest.raises(SystemExit) as ended:
        main(("db", "apply", "--mongo", mongo.uri))
    assert ended.value.code == NO
    assert "lacks atomic transactions" in capfd.readouterr().err
    monkeypatch.setenv("KIENG_MONGO_URI", mongo.uri)
    monkeypatch.setenv("KIENG_HTTP_PORT", "0")
    monkeypatch.setattr("signal.signal", lambda *given: None)
    assert runner.run("partners") == 1
    told, errors = capfd.readouterr()
    assert "cannot start" in told
    assert "lacks atomic transactions" in told
    assert "Traceback" not in told + errors
