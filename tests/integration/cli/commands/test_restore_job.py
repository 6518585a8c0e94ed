"""The first half of a restore where the services run elsewhere: looked at, refused, loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaProducer

from services.cli.admin import broker, topics
from services.cli.backups import archive, dump, restore
from services.cli.client.stack import Stack
from services.cli.commands.restore_job import Job
from services.cli.errors import Failure
from services.cli.terminal.screen import Screen
from services.kernel.mongo import Mongo
from tests.conftest import RunningBroker, RunningDatabase

INSTITUTION = "recovery-a"
NAME = f"kieng_submissions_{INSTITUTION}"


@pytest.fixture
def mongo(mongo: RunningDatabase, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Mongo, Stack]]:
    for service in ("KPI", "SUBMISSIONS", "PARTNERS"):
        monkeypatch.delenv(f"KIENG_{service}_ADDRESS", raising=False)
    connection = Mongo(mongo.uri, 5000)
    restore.drop(connection, NAME)
    row = {"_id": "s", "version": 1, "names": ["id/s"], "outbox_pending": False}
    connection.database(NAME)["submissions"].insert_one(row)
    yield connection, Stack("", mongo=mongo.uri)
    restore.drop(connection, NAME)
    connection.close()


def backup(mongo: Mongo, to: Path) -> tuple[Path, archive.Manifest]:
    now = datetime.now(UTC)
    with Screen().progress() as progress:
        return dump.save(mongo, to, [INSTITUTION], is_whole=False, now=now, progress=progress)


def topic_id(bootstrap: str) -> str:
    with closing(broker.admin(bootstrap)) as admin:
        return topics.topic_ids(admin, topics.load())[restore.LOG]


def test_what_a_killed_process_was_about_to_change_is_dropped(mongo: tuple[Mongo, Stack]) -> None:
    connection, _ = mongo
    rows = connection.database(NAME)["submissions"]
    with connection.client.start_session() as session:
        session.start_transaction()
        rows.update_one({"_id": "s"}, {"$set": {"version": 2}}, session=session)
        restore.drop(connection, NAME)
        assert rows.find_one() is None


def test_what_is_there_is_replaced_by_force_only_and_a_second_run_goes_on(
    mongo: tuple[Mongo, Stack], fresh_broker: RunningBroker, tmp_path: Path
) -> None:
    connection, stack = mongo
    stack = Stack("", broker=fresh_broker.bootstrap, mongo=stack.mongo)
    folder, manifest = backup(connection, tmp_path)
    refused = Job(Screen(), folder, manifest, is_forced=False)
    with pytest.raises(Failure, match=f"not empty: {NAME}; --force"):
        refused.elsewhere("", stack, 0.0)
    connection.database(NAME)["submissions"].insert_one({"_id": "later", "names": ["id/later"]})
    forced = Job(Screen(), folder, manifest, is_forced=True)
    assert forced.elsewhere("", stack, 0.0)["state"] == "loaded"
    assert [row["_id"] for row in connection.database(NAME)["submissions"].find()] == ["s"]
    # Loaded, and not published yet: the same command goes on and touches nothing.
    connection.database(NAME)["submissions"].insert_one({"_id": "after", "names": ["id/after"]})
    assert refused.elsewhere("", stack, 0.0)["state"] == "loaded"
    assert connection.database(NAME)["submissions"].count_documents({}) == 2


def test_a_log_that_holds_records_is_made_anew_by_force_only(
    mongo: tuple[Mongo, Stack], fresh_broker: RunningBroker, tmp_path: Path
) -> None:
    connection, stack = mongo
    stack = Stack("", broker=fresh_broker.bootstrap, mongo=stack.mongo)
    folder, manifest = backup(connection, tmp_path)
    restore.drop(connection, NAME)
    assert not restore.log_holds_records(stack.broker)
    with closing(KafkaProducer(bootstrap_servers=stack.broker)) as producer:
        producer.send(restore.LOG, b"of before").get(timeout=15)
    before = topic_id(stack.broker)
    with pytest.raises(Failure, match=f"not empty: {restore.LOG}; --force"):
        Job(Screen(), folder, manifest, is_forced=False).elsewhere("", stack, 0.0)
    assert topic_id(stack.broker) == before
    forced = Job(Screen(), folder, manifest, is_forced=True)
    assert forced.elsewhere("", stack, 0.0)["state"] == "loaded"
    assert topic_id(stack.broker) != before
    assert not restore.log_holds_records(stack.broker)


def test_nothing_is_loaded_while_services_could_write(
    mongo: tuple[Mongo, Stack],
    fresh_broker: RunningBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection, stack = mongo
    stack = Stack("", broker=fresh_broker.bootstrap, mongo=stack.mongo)
    folder, manifest = backup(connection, tmp_path)
    monkeypatch.setattr("services.cli.commands.restore_job.retry_ready", lambda stack, seconds: "")
    with pytest.raises(Failure, match="stop them"):
        Job(Screen(), folder, manifest, is_forced=True).elsewhere("", stack, 0.0)
    assert restore.occupied(connection, manifest) == [NAME]
