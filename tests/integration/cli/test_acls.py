"""Rights on a broker: Apache Kafka lets each service do what the table says, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
)
from kafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from services.cli.admin import broker as brokers
from services.cli.errors import NO
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from tests.conftest import KAFKA_CACHE
from tests.integration.cli.test_sasl import needs_kafka, run

LOG = "kieng.submissions.v1"
USERS = ("kieng", "kieng-submissions", "kieng-kpi-query", "kieng-notifications", "stranger")
SETTINGS = """
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:kieng
sasl.mechanism.controller.protocol=PLAIN
listener.name.plaintext.plain.sasl.jaas.config={jaas}
listener.name.controller.plain.sasl.jaas.config={jaas}
"""


@pytest.fixture(scope="module")
def authorizing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.LocalBroker]:
    """A node with an authorizer, and a user for some services; kieng may do everything."""
    folder = tmp_path_factory.mktemp("acls")
    port, controller_port = free_ports(2)
    libs = apache_kafka.fetch(KAFKA_CACHE)
    local = apache_kafka.apache_kafka(
        libs, port, controller_port, folder / "data", folder / "kafka.log"
    )
    properties = folder / "data" / "server.properties"
    text = properties.read_text()
    for listener in ("PLAINTEXT", "CONTROLLER"):
        assert f"{listener}:PLAINTEXT" in text
        text = text.replace(f"{listener}:PLAINTEXT", f"{listener}:SASL_PLAINTEXT", 1)
    users = " ".join(f'user_{user}="made-up"' for user in USERS)
    module = "org.apache.kafka.common.security.plain.PlainLoginModule required"
    jaas = f'{module} username="kieng" password="made-up" {users};'
    properties.write_text(text + SETTINGS.format(jaas=jaas))
    with ChildGroup() as supervisor, pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "BOOTSTRAP": local.bootstrap,
            "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "SASL_MECHANISM": "PLAIN",
            "SASL_USERNAME": "kieng",
            "SASL_PASSWORD": "made-up",
        }.items():
            patch.setenv(f"KIENG_KAFKA_{name}", value)
        supervisor.start(local.child, local.unready, apache_kafka.READY_SECONDS)
        yield local


def options(bootstrap: str, user: str) -> dict[str, Any]:
    return {**brokers.options(bootstrap), "sasl_plain_username": user}


def wrote(bootstrap: str, user: str, topic: str) -> bool:
    with closing(KafkaProducer(**options(bootstrap, user), max_block_ms=15_000)) as producer:
        try:
            producer.send(topic, b"v", b"k").get(timeout=15)
        except TopicAuthorizationFailedError:
            return False
    return True


def read(bootstrap: str, user: str, group: str) -> bool:
    settings = {"group_id": group, "auto_offset_reset": "earliest", "enable_auto_commit": False}
    with closing(KafkaConsumer(LOG, **options(bootstrap, user), **settings)) as consumer:
        try:
            for _ in range(100):
                if consumer.poll(timeout_ms=200):
                    return True
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError):
            return False
    raise AssertionError("neither records nor a refusal came")


@pytest.mark.kafka
@needs_kafka
def test_only_the_service_of_submissions_may_write_the_log(
    authorizing: embedded.LocalBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    at = authorizing.bootstrap
    assert run("topics", "apply") == 0
    assert not wrote(at, "kieng-submissions", LOG), "without a right nobody may"
    capsys.readouterr()

    assert run("topics", "acl", "plan", "--output", "json") == NO
    planned = json.loads(capsys.readouterr().out)
    assert f"User:kieng-submissions WRITE TOPIC {LOG}" in planned["missing"]
    assert run("topics", "acl", "apply", "--output", "json") == 0
    assert json.loads(capsys.readouterr().out)["granted"] == planned["missing"]
    assert run("topics", "acl", "plan", "--output", "json") == 0

    assert wrote(at, "kieng-submissions", LOG)
    assert wrote(at, "kieng-kpi-query", "kieng.kpi.v1")
    for user in ("kieng-kpi-query", "kieng-notifications", "stranger"):
        assert not wrote(at, user, LOG), user
    assert read(at, "kieng-notifications", "kieng.notifications")
    assert not read(at, "kieng-notifications", "kieng.kpi"), "not in the place of the aggregator"
    assert not read(at, "stranger", "kieng.notifications")


@pytest.mark.kafka
@needs_kafka
def test_a_right_beside_the_table_is_told_and_not_taken(
    authorizing: embedded.LocalBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("topics", "apply") == 0
    assert run("topics", "acl", "apply") == 0
    allow, pattern = ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, LOG)
    with closing(brokers.admin(authorizing.bootstrap)) as admin:
        admin.create_acls([ACL("User:hust", "*", ACLOperation.WRITE, allow, pattern)])
    capsys.readouterr()
    for _ in range(2):
        assert run("topics", "acl", "apply", "--output", "json") == 0
        told = json.loads(capsys.readouterr().out)
        assert told == {"granted": [], "surplus": [f"User:hust WRITE TOPIC {LOG}"]}
    assert run("topics", "acl", "plan") == NO
