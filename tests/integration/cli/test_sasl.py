"""Apache Kafka that asks who comes: the settings of the environment are enough for all clients."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.errors import KafkaError

from services.cli.admin import broker, log_offsets
from services.cli.errors import DOWN, NO
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from services.cli.main import main
from tests.conftest import KAFKA_CACHE

needs_kafka = pytest.mark.skipif(
    bool(apache_kafka.unavailable()), reason=f"Apache Kafka: {apache_kafka.unavailable()}"
)
LOGIN = """
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.plaintext.plain.sasl.jaas.config=\\
 org.apache.kafka.common.security.plain.PlainLoginModule required \\
 username="kieng" password="made-up" user_kieng="made-up";
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.LocalBroker]:
    """A node whose clients log in with user kieng and a made-up password."""
    folder = tmp_path_factory.mktemp("sasl")
    port, controller_port = free_ports(2)
    libs = apache_kafka.fetch(KAFKA_CACHE)
    local = apache_kafka.apache_kafka(
        libs, port, controller_port, folder / "data", folder / "kafka.log"
    )
    properties = folder / "data" / "server.properties"
    text = properties.read_text()
    assert "PLAINTEXT:PLAINTEXT" in text
    properties.write_text(text.replace("PLAINTEXT:PLAINTEXT", "PLAINTEXT:SASL_PLAINTEXT") + LOGIN)
    with ChildGroup() as supervisor, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(local.bootstrap, folder, "made-up").items():
            patch.setenv(name, value)
        supervisor.start(local.child, local.unready, apache_kafka.READY_SECONDS)
        yield local


def environment(bootstrap: str, folder: Path, password: str) -> dict[str, str]:
    path = folder / "password"
    path.write_text(f"{password}\n")
    return {
        "KIENG_KAFKA_BOOTSTRAP": bootstrap,
        "KIENG_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KIENG_KAFKA_SASL_MECHANISM": "PLAIN",
        "KIENG_KAFKA_SASL_USERNAME": "kieng",
        "KIENG_KAFKA_SASL_PASSWORD_FILE": str(path),
    }


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.kafka
@needs_kafka
def test_topics_are_applied_with_a_login_from_the_environment(
    guarded: embedded.LocalBroker, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--partitions", "3", "--output", "json")
    assert run("topics", "apply", *chosen) == 0
    assert log_offsets.TOPIC in json.loads(capsys.readouterr().out)["created"]
    assert run("topics", "apply", *chosen) == 0
    capsys.readouterr()
    # More than the table says is a choice; fewer than asked for is told, and never changed.
    assert run("topics", "plan", "--output", "json") == 0
    (more,) = json.loads(capsys.readouterr().out)["differences"]
    assert more == f"{log_offsets.TOPIC}: partitions is 3, wanted 1"
    assert run("topics", "apply", "--partitions", "6") == 1


@pytest.mark.kafka
@needs_kafka
def test_without_the_password_nobody_comes_in(
    guarded: embedded.LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = environment(guarded.bootstrap, tmp_path, "guessed")
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(KafkaError):
        broker.admin(guarded.bootstrap).describe_topics()
    assert run("topics", "plan") == DOWN


@pytest.mark.kafka
@needs_kafka
@pytest.mark.parametrize("what", ["plan", "apply"])
def test_a_broker_that_keeps_no_rights_is_told_so(
    guarded: embedded.LocalBroker, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("topics", "acl", what, "--lang", "en") == NO
    assert "authorizer.class.name" in capsys.readouterr().err
