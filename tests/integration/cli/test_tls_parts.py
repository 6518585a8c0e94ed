"""Broker and database that speak TLS and ask for a certificate, reached as the settings say."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.cli.admin import broker, probes
from services.cli.client.trial_authority import TrialAuthority
from services.cli.errors import DOWN
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import Child, ChildGroup
from services.cli.local.ports import free_ports
from services.kernel.mongo import Mongo
from tests.conftest import KAFKA_CACHE

needs_kafka = pytest.mark.skipif(
    bool(apache_kafka.unavailable()), reason=f"Apache Kafka: {apache_kafka.unavailable()}"
)
STORES = """
ssl.keystore.type=PEM
ssl.keystore.location={pair}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
ssl.client.auth=required
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, its key, both in `pair.pem`, and the authority."""
    folder = tmp_path_factory.mktemp("certificates")
    TrialAuthority(folder / "authority").certify(["127.0.0.1"], folder)
    pair = (folder / "tls.key").read_text() + (folder / "tls.crt").read_text()
    (folder / "pair.pem").write_text(pair)
    TrialAuthority(folder / "other").certify(["127.0.0.1"], folder / "others")
    return folder


@pytest.fixture(scope="module")
def database(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded database with TLS; its URI without what a client needs."""
    folder = tmp_path_factory.mktemp("mongo-tls")
    (port,) = free_ports(1)
    plain = embedded.secantus(port, folder / "data", folder / "log")
    files = {"cert-file": "tls.crt", "key-file": "tls.key", "ca-file": "ca.crt"}
    options = [part for n, f in files.items() for part in (f"--tls-{n}", str(certificates / f))]
    argv = (*plain.child.argv, *options, "--tls-require-client-cert")
    child = Child("database", argv, None, folder / "log")
    uri = secure(plain.uri, certificates)
    with ChildGroup() as group:
        group.start(child, lambda: probes.mongo_unready(uri), embedded.DATABASE_READY_SECONDS)
        yield plain.uri


def secure(uri: str, folder: Path, authority: str = "ca.crt") -> str:
    pair, believed = folder / "pair.pem", folder / authority
    return f"{uri}&tls=true&tlsCAFile={believed}&tlsCertificateKeyFile={pair}"


def test_the_database_is_reached_by_tls_with_the_right_files_only(
    database: str, certificates: Path
) -> None:
    with closing(Mongo(secure(database, certificates), 5000)) as mongo:
        mongo.database("tried")["things"].insert_one({"_id": 1})
        assert mongo.database("tried")["things"].count_documents({}) == 1
    assert reason(database)
    other = secure(database, certificates, "others/ca.crt")
    assert "CERTIFICATE_VERIFY_FAILED" in reason(other)
    assert reason(f"{database}&tls=true&tlsCAFile={certificates / 'ca.crt'}")


def reason(uri: str) -> str:
    """Why the database is not reached; pymongo leaves sockets open whose handshake failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        found = probes.mongo_unready(uri)
        gc.collect()
    return found


def settings(folder: Path, authority: str = "ca.crt") -> dict[str, str]:
    return {
        "KIENG_KAFKA_SECURITY_PROTOCOL": "SSL",
        "KIENG_KAFKA_SSL_CAFILE": str(folder / authority),
        "KIENG_KAFKA_SSL_CERTFILE": str(folder / "tls.crt"),
        "KIENG_KAFKA_SSL_KEYFILE": str(folder / "tls.key"),
    }


@pytest.mark.kafka
@needs_kafka
def test_the_broker_is_reached_by_tls_with_the_right_files_only(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, controller_port = free_ports(2)
    libs = apache_kafka.fetch(KAFKA_CACHE)
    log = tmp_path / "kafka.log"
    local = apache_kafka.apache_kafka(libs, port, controller_port, tmp_path / "data", log)
    properties = tmp_path / "data" / "server.properties"
    text = properties.read_text()
    assert "PLAINTEXT:PLAINTEXT" in text
    stores = STORES.format(pair=certificates / "pair.pem", authority=certificates / "ca.crt")
    properties.write_text(text.replace("PLAINTEXT:PLAINTEXT", "PLAINTEXT:SSL") + stores)
    for name, value in settings(certificates).items():
        monkeypatch.setenv(name, value)
    with ChildGroup() as group:
        group.start(local.child, local.unready, apache_kafka.READY_SECONDS)
        with closing(broker.admin(local.bootstrap)) as admin:
            assert admin.describe_cluster()["brokers"]
        assert topics_plan(local.bootstrap, settings(certificates)) != DOWN
        assert topics_plan(local.bootstrap, settings(certificates, "others/ca.crt")) == DOWN
        assert topics_plan(local.bootstrap, {}) == DOWN


def topics_plan(bootstrap: str, given: dict[str, str]) -> int:
    """Exit code of the command; in a process, as a refused kafka-python client leaves a thread."""
    here = {name: v for name, v in os.environ.items() if not name.startswith("KIENG_")}
    environment = {**here, "KIENG_KAFKA_BOOTSTRAP": bootstrap, **given}
    argv = (Path(sys.executable).with_name("kieng"), "topics", "plan")
    return subprocess.run(argv, env=environment, capture_output=True, check=False).returncode
