"""Kafka and MongoDB of the Compose file speak TLS, and nobody comes in without the right files."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer

from services.cli.admin import probes
from services.cli.client.trial_authority import TrialAuthority
from services.cli.errors import DOWN
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import Child, ChildGroup
from services.cli.local.ports import free_ports
from services.kernel.config import KernelSettings, load
from services.kernel.mongo import Mongo
from tests.conftest import KAFKA_CACHE
from tests.deploy.compose_stores import (
    PARTS,
    TLS,
    Kafka,
    certify,
    client_settings,
    fetch_tools,
    filled,
)
from tests.waiting import wait_until

needs_kafka = pytest.mark.skipif(
    bool(apache_kafka.unavailable()), reason=f"Apache Kafka: {apache_kafka.unavailable()}"
)
LOG = "kieng.submissions.v1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificates of the stores and of the services, and those of another authority."""
    path = tmp_path_factory.mktemp("stores")
    certify(path, "store-certificate")
    certify(path, "certificate")
    TrialAuthority(path / "stranger").certify(["127.0.0.1"], path / "others")
    return path


@pytest.fixture(scope="module")
def kafka(folder: Path) -> Iterator[Kafka]:
    """Apache Kafka, started with what the file gives it."""
    libs = apache_kafka.fetch(KAFKA_CACHE)
    started = Kafka(libs, folder, free_ports(3))
    child = Child("broker", started.set_up(), None, folder / "kafka.log")
    with ChildGroup() as group, pytest.MonkeyPatch.context() as patch:
        for name, value in settings_of("topics", started, folder / "certificate").items():
            patch.setenv(name, value)
        unready = lambda: probes.kafka_unready(started.bootstrap)  # noqa: E731
        group.start(child, unready, apache_kafka.READY_SECONDS)
        yield started


def settings_of(name: str, kafka: Kafka, own: Path) -> dict[str, str]:
    return client_settings(name, own, {"kafka:9092": kafka.bootstrap})


def command(given: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """A command of kieng in a process of its own: a client that is refused leaves a thread."""
    here = {name: v for name, v in os.environ.items() if not name.startswith("KIENG_")}
    argv = (str(Path(sys.executable).with_name("kieng")), *words)
    return subprocess.run(argv, env={**here, **given}, capture_output=True, text=True, check=False)


@pytest.mark.kafka
@pytest.mark.timeout(600)
@needs_kafka
def test_services_write_and_read_over_tls_with_their_own_users(
    kafka: Kafka, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = folder / "certificate"
    for words in (PARTS["topics"]["command"], PARTS["rights"]["command"]):
        done = command(settings_of("topics", kafka, own), *words[1:])
        assert done.returncode == 0, done.stderr
    for name, value in settings_of("submissions", kafka, own).items():
        monkeypatch.setenv(name, value)
    with closing(KafkaProducer(**load(KernelSettings).producer_options())) as producer:
        producer.send(LOG, b"v", b"k").get(timeout=15)
    for name, value in settings_of("notifications", kafka, own).items():
        monkeypatch.setenv(name, value)
    options = load(KernelSettings).consumer_options("kieng.notifications", has_positions=False)
    with closing(KafkaConsumer(LOG, **options)) as consumer:
        polled = (consumer.poll(timeout_ms=500) for _ in range(60))
        (records,) = next(filter(None, polled)).values()
    assert records[0].value == b"v"


@pytest.mark.kafka
@pytest.mark.timeout(600)
@needs_kafka
def test_neither_another_authority_nor_plain_text_reaches_the_brokers(
    kafka: Kafka, folder: Path
) -> None:
    right = settings_of("topics", kafka, folder / "certificate")
    assert command(right, "topics", "plan").returncode != DOWN
    wrong = command(settings_of("topics", kafka, folder / "others"), "topics", "plan")
    assert wrong.returncode == DOWN
    plain = {**right, "KIENG_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT"}
    assert command(plain, "topics", "plan").returncode == DOWN


@pytest.mark.kafka
@pytest.mark.timeout(600)
@needs_kafka
def test_the_health_check_of_the_broker_passes_and_can_fail(kafka: Kafka, folder: Path) -> None:
    tools = fetch_tools(kafka.libs)
    # As an engine does: one that fails is tried again, e.g. on a busy machine.
    wait_until(lambda: kafka.health(tools).returncode == 0, 300, "the broker is healthy")
    stranger = {"KAFKA_SSL_TRUSTSTORE_LOCATION": str(folder / "others" / "ca.crt")}
    assert kafka.health(tools, **stranger).returncode != 0


@pytest.mark.kafka
@pytest.mark.timeout(600)
@needs_kafka
def test_the_doctor_tells_until_when_the_certificate_of_the_broker_holds(
    kafka: Kafka, folder: Path
) -> None:
    given = settings_of("kieng", kafka, folder / "certificate")
    told = command(given, "doctor", "--output", "json", "--data", str(folder / "nothing"))
    checks = {check["check"]: check for check in json.loads(told.stdout)["checks"]}
    assert checks[f"certificate of {kafka.bootstrap}"]["detail"].startswith("holds until")
    assert checks["broker"]["ok"]


@pytest.fixture(scope="module")
def database(folder: Path) -> Iterator[str]:
    """`host:port` of the embedded database, which asks for what the file lets MongoDB ask for."""
    words = [filled(word) for word in PARTS["mongodb"]["command"]]
    asked = dict(pairwise(words))
    assert asked["--tlsMode"] == "requireTLS"
    assert "--tlsAllowConnectionsWithoutCertificates" not in words
    stores = folder / "store-certificate"
    key, authority = asked["--tlsCertificateKeyFile"], asked["--tlsCAFile"]
    (port,) = free_ports(1)
    plain = embedded.secantus(port, folder / "data", folder / "mongo.log")
    options = (
        *("--tls-cert-file", key, "--tls-key-file", key, "--tls-ca-file", authority),
        "--tls-require-client-cert",
    )
    here = [option.replace(TLS, str(stores)) for option in options]
    child = Child("database", (*plain.child.argv, *here), None, folder / "mongo.log")
    address = f"127.0.0.1:{port}"
    with ChildGroup() as group:
        uri = uri_of("databases", address, folder / "certificate")
        group.start(child, lambda: probes.mongo_unready(uri), embedded.DATABASE_READY_SECONDS)
        yield address


def uri_of(name: str, address: str, own: Path) -> str:
    stores = {"mongodb:27017": address, "replicaSet=kieng": "replicaSet=secantus"}
    return client_settings(name, own, stores)["KIENG_MONGO_URI"]


def refusal(uri: str) -> str:
    """Why the database is not reached; pymongo leaves sockets open whose handshake failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = probes.mongo_unready(uri)
        gc.collect()
    return found


def test_the_database_is_reached_as_the_file_says_and_by_no_stranger(
    database: str, folder: Path
) -> None:
    for name in ("databases", "submissions", "kpi-query", "kieng"):
        right = uri_of(name, database, folder / "certificate")
        with closing(Mongo(right, 5000)) as mongo:
            mongo.database("tried")["things"].insert_one({"_id": name})
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(uri_of("kieng", database, folder / "others"))
    believing = uri_of("kieng", database, folder / "certificate")
    assert refusal(believing.partition("&tlsCertificateKeyFile")[0]), "without a certificate"
    strange = folder / "others" / "tls-combined.pem"
    own = str(folder / "certificate" / "tls-combined.pem")
    assert refusal(believing.replace(own, str(strange))), "with one of another authority"
    assert refusal(f"mongodb://{database}/?replicaSet=secantus"), "in plain text"


def test_the_shells_of_mongodb_present_the_same_files_as_its_clients() -> None:
    words = [filled(word) for word in PARTS["mongodb"]["command"]]
    files = words[words.index("--tlsCertificateKeyFile") :]
    for shell in (PARTS["mongodb"]["healthcheck"]["test"][1:], PARTS["replica-set"]["command"]):
        said = [filled(word) for word in shell]
        assert said[0] == "mongosh"
        assert "--tls" in said
        asked = dict(pairwise(said))
        assert {name: asked[name] for name in files[::2]} == dict(
            zip(files[::2], files[1::2], strict=True)
        )


def test_only_who_runs_as_another_user_needs_the_group_that_may_read_the_key() -> None:
    holders = {name for name, part in PARTS.items() if "stores-tls:" in str(part.get("volumes"))}
    assert holders == {"kafka", "mongodb", "replica-set", "store-certificate"}
    for name in holders - {"store-certificate"}:
        assert PARTS[name]["group_add"] == ["10001"], "the group of the image's user"
    # As root the image would change to this user, and lose the group.
    assert PARTS["mongodb"]["user"] == PARTS["replica-set"]["user"] == "mongodb"
    assert "--group" in PARTS["store-certificate"]["command"]
    assert "--group" not in PARTS["certificate"]["command"]
