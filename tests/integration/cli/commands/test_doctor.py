"""The doctor on a real broker and a real database, without services."""

from __future__ import annotations

import os
from contextlib import closing

import pytest
from kafka import KafkaProducer

from services.cli.admin import database_schema, log_offsets
from services.cli.backups import restore
from services.cli.checks import infrastructure as parts
from services.cli.checks import services as numbers
from services.cli.checks.findings import Finding
from services.cli.client.stack import Stack
from services.cli.errors import DOWN, NO
from services.cli.local.ports import free_ports
from services.kernel.mongo import Mongo
from tests.conftest import RunningBroker, RunningDatabase


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KIENG_")]:
        monkeypatch.delenv(name)


def codes(findings: list[Finding]) -> dict[str, int]:
    return {finding.check: finding.exit_code for finding in findings}


def test_a_broker_with_every_topic_is_well(broker: RunningBroker) -> None:
    found = list(parts.check_broker(Stack("", broker=broker.bootstrap)))
    assert {"broker", "topics", "copies"} <= set(codes(found))
    assert {finding.exit_code for finding in found} == {0}, found


def test_a_broker_that_is_not_there_is_down() -> None:
    (found,) = parts.check_broker(Stack("", broker=f"127.0.0.1:{free_ports(1)[0]}"))
    assert (found.exit_code, found.remedy) == (DOWN, "start the brokers")


def test_databases_of_another_release_are_told_with_the_command(mongo: RunningDatabase) -> None:
    stack = Stack("", mongo=mongo.uri)
    connection = Mongo(mongo.uri, 5000)
    for schema, name in database_schema.databases([]):
        restore.drop(connection, name)
        database_schema.apply(schema, connection.database(name), lambda text: None)
    found = list(parts.check_database(stack))
    assert codes(found) == {"database": 0, "clock": 0, "schema": 0}, found
    kpi = connection.database("kieng_kpi")
    kpi["parked"].insert_one({"_id": "v|0|1"})
    database_schema.set_version(kpi, 0)
    lacks = {finding.check: finding for finding in parts.check_database(stack)}["schema"]
    assert (lacks.exit_code, lacks.remedy) == (NO, "kieng db apply")
    assert "migration place_parked_records" in lacks.detail
    database_schema.set_version(kpi, database_schema.RESTORING)
    cut_off = {finding.check: finding for finding in parts.check_database(stack)}["schema"]
    assert (cut_off.exit_code, cut_off.remedy) == (NO, "kieng backup restore FOLDER")
    restore.drop(connection, "kieng_kpi")
    connection.close()


def test_records_behind_a_position_are_seen_and_no_others(broker: RunningBroker) -> None:
    end = {p.partition: p.next_offset for p in log_offsets.submissions(broker.bootstrap)}
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap)) as producer:
        for value in (b"1", b"2"):
            producer.send(log_offsets.TOPIC, value, partition=0).get(timeout=15)
    assert [record.value for record in numbers.unread(broker.bootstrap, end)] == [b"1", b"2"]
    assert numbers.unread(broker.bootstrap, {**end, 0: end[0] + 2}) == []
