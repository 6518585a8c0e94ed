"""What the doctor makes of what it finds, case by case."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID
from pymongo.errors import AutoReconnect, OperationFailure, WTimeoutError

from services.cli.admin import topics
from services.cli.admin.topics import Difference
from services.cli.checks import certificates
from services.cli.checks import infrastructure as parts
from services.cli.client.stack import Stack
from services.cli.errors import DOWN, NO
from services.cli.main import main

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TLS_HOST = "127.0.0.1"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KIENG_")]:
        monkeypatch.delenv(name)


def pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_key().public_bytes(serialization.Encoding.PEM, form).decode())


GOOD = pem(ed25519.Ed25519PrivateKey.generate())
CURVE = pem(ec.generate_private_key(ec.SECP256R1()))
ISSUER = {
    "issuer": "https://id.example.vn",
    "institution_id": "a",
    "algorithms": ["EdDSA"],
    "keys": {"k1": GOOD},
}
ISSUERS: dict[str, tuple[Any, int, str]] = {
    "well": ([ISSUER], 0, "1 with 1 keys"),
    "none": ([], NO, "lists nobody"),
    "no key": ([{**ISSUER, "keys": {}}], NO, "a: has no key"),
    "a key that is none": ([{**ISSUER, "keys": {"k1": "x"}}], NO, "k1 cannot be read"),
    "another kind of key": ([{**ISSUER, "keys": {"k1": CURVE}}], NO, "k1 fits none of EdDSA"),
    "an algorithm": ([{**ISSUER, "algorithms": ["none", "EdDSA"]}], NO, "none is never accepted"),
    "no table": ([{"issuer": "x"}], NO, "not a table of issuers"),
}


@pytest.mark.parametrize("case", ISSUERS)
def test_a_table_of_issuers_is_read_to_the_last_key(tmp_path: Path, case: str) -> None:
    issuers, code, told = ISSUERS[case]
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuers": issuers}))
    (finding,) = certificates.check_issuers(path, NOW)
    assert (finding.exit_code, bool(finding.remedy)) == (code, code != 0)
    assert told in finding.detail


@pytest.mark.parametrize(
    ("day", "code", "told"),
    [("2026-11-23", DOWN, "ended"), ("2026-12-20", NO, "in 26 days"), ("2027-12-20", 0, "")],
)
def test_a_key_with_a_last_day_is_told_in_time(
    tmp_path: Path, day: str, code: int, told: str
) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(json.dumps({"issuers": [{**ISSUER, "not_after": {"k1": day}}]}))
    found = list(certificates.check_issuers(path, NOW))
    assert max(finding.exit_code for finding in found) == code
    assert told in found[-1].detail
    assert len(found) == (2 if code else 1)


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A server whose certificate ends in ten days, and the file of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker")])
    begin = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=11))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    plain = serialization.NoEncryption()
    path = tmp_path / "server.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = tmp_path / "key.pem"
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, secret)
    with socket.create_server((TLS_HOST, 0)) as server:

        def serve() -> None:
            accepted, _ = server.accept()
            with context.wrap_socket(accepted, server_side=True) as secure:
                secure.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], path
        thread.join(5)


def test_a_brokers_certificate_that_ends_soon_is_told(
    tls_server: tuple[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, path = tls_server
    monkeypatch.setenv("KIENG_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("KIENG_KAFKA_SSL_CAFILE", str(path))
    found = list(certificates.check_brokers(f"{TLS_HOST}:{port}", datetime.now(UTC)))
    assert [finding.exit_code for finding in found] == [NO, NO]
    assert all("days" in finding.detail and finding.remedy for finding in found)


def test_a_broker_without_tls_has_no_certificate() -> None:
    assert list(certificates.check_brokers("127.0.0.1:1", NOW)) == []


@pytest.mark.parametrize(("free", "code"), [(50, 0), (14, NO), (4, DOWN)])
def test_little_room_is_wrong_and_hardly_any_is_down(free: float, code: int) -> None:
    finding = parts.space("disk", 100e9, free * 1e9)
    assert (finding.exit_code, bool(finding.remedy)) == (code, code != 0)


@pytest.mark.parametrize(("minutes", "code"), [(0, 0), (2, NO), (-2, NO)])
def test_clocks_that_differ_are_told(minutes: int, code: int) -> None:
    def command(name: str) -> dict[str, Any]:
        return {"localTime": datetime.now(UTC) + timedelta(minutes=minutes)}

    mongo: Any = SimpleNamespace(client=SimpleNamespace(admin=SimpleNamespace(command=command)))
    assert parts._check_clock(mongo).exit_code == code


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OperationFailure("internal server error", 1), "give its disk room"),
        (OperationFailure("out of disk space", 14031), "give its disk room"),
        (WTimeoutError("waiting for replication timed out", 64), "rs.status()"),
        (AutoReconnect("connection closed"), "rs.status()"),
    ],
)
def test_a_database_that_cannot_write_is_down_and_the_remedy_fits(
    error: Exception, remedy: str
) -> None:
    def refuse(*given: object) -> None:
        raise error

    collection = SimpleNamespace(update_one=refuse)
    admin = SimpleNamespace(command=lambda name: {"setName": "rs", "hosts": ["a"]})
    mongo: Any = SimpleNamespace(
        client=SimpleNamespace(admin=admin), database=lambda name: {"probe": collection}
    )
    (finding,) = parts._check_replica_set(mongo)
    assert finding.exit_code == DOWN
    assert finding.remedy.startswith(remedy)


def test_more_partitions_or_copies_than_the_table_are_a_choice() -> None:
    assert Difference("t", "partitions", "1", "12").is_generous
    assert Difference("t", "replication", "1", "3").is_generous
    assert not Difference("t", "replication", "3", "1").is_generous
    assert not Difference("t", "config", "1", "3", "min.insync.replicas").is_generous


def test_a_partition_without_leader_or_copies_is_found() -> None:
    def partition(leader: int, in_sync: list[int]) -> dict[str, Any]:
        return {
            "partition_index": leader + 1,
            "leader_id": leader,
            "replica_nodes": [0, 1, 2],
            "isr_nodes": in_sync,
        }

    name = topics.load()[0].name
    told = [
        {"name": name, "partitions": [partition(-1, [0]), partition(0, [0, 1])]},
        {"name": "of-others", "partitions": [partition(-1, [])]},
    ]
    admin: Any = SimpleNamespace(describe_topics=lambda: told)
    found = topics.without_copies(admin, topics.load())
    assert found == [(f"{name}/0", 0, 3), (f"{name}/1", 2, 3)]


class Topics:
    """A broker with every topic of the table, in so many copies and with that setting."""

    def __init__(self, copies: dict[str, int], in_sync: str) -> None:
        self._copies, self._in_sync = copies, in_sync

    def describe_topics(self) -> list[dict[str, Any]]:
        return [
            {"name": topic.name, "partitions": [self._partition(topic.name)] * topic.partitions}
            for topic in topics.load()
        ]

    def _partition(self, name: str) -> dict[str, Any]:
        nodes = list(range(self._copies.get(name, self._copies["others"])))
        return {"partition_index": 0, "leader_id": 0, "replica_nodes": nodes, "isr_nodes": nodes}

    def describe_configs(self, resources: Any, config_filter: str) -> dict[str, Any]:
        return {
            "topic": {
                topic.name: {
                    name: {"value": value}
                    for name, value in {
                        **topic.config,
                        "min.insync.replicas": self._in_sync,
                    }.items()
                }
                for topic in topics.load()
            }
        }


@pytest.mark.parametrize(
    ("copies", "in_sync", "told"),
    [
        ({"others": 1}, "1", ""),
        ({"others": 3}, "2", ""),
        ({"others": 3}, "1", "kieng.submissions.v1: min.insync.replicas is 1, wanted 2"),
        ({"others": 3, "kieng.kpi.v1": 1}, "2", "kieng.kpi.v1: replication is 1, wanted 3"),
    ],
    ids=["one copy", "three", "three that may be one", "one topic has fewer"],
)
def test_settings_are_compared_with_the_copies_that_there_are(
    copies: dict[str, int], in_sync: str, told: str
) -> None:
    admin: Any = Topics(copies, in_sync)
    found = {each.check: each for each in parts._check_topics(admin, "kieng topics apply")}
    assert found["topics"].exit_code == (NO if told else 0)
    assert told in found["topics"].detail
    assert found["topics"].remedy == ("kieng topics apply --replication 3" if told else "")
    assert found["copies"].exit_code == 0


def test_without_anything_it_says_what_to_set_and_ends_with_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIENG_HOST", "0.0.0.0")  # as in a pod
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--output", "json"])
    assert ended.value.code == DOWN
    rows = {row["check"]: row for row in json.loads(capsys.readouterr().out)["checks"]}
    assert rows["broker"]["remedy"].endswith("KIENG_KAFKA_BOOTSTRAP")
    assert rows["submissions"]["remedy"] == "set KIENG_SUBMISSIONS_ADDRESS=host:port"
    assert rows["settings"]["ok"] is True
    for name in ("kpi.aggregator", "exporter"):
        assert rows[name]["detail"].startswith("not looked at")
        assert "/readyz" in rows[name]["remedy"]
    assert all(row["remedy"] for row in rows.values() if not row["ok"])


def test_settings_that_cannot_be_read_are_all_it_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_GRPC_PORT", "many")
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--output", "json"])
    assert ended.value.code == NO
    (row,) = json.loads(capsys.readouterr().out)["checks"]
    assert row["remedy"] == "kieng config check"
    assert "KIENG_GRPC_PORT" in row["detail"]


def test_a_stack_of_this_machine_has_its_disk_looked_at(tmp_path: Path) -> None:
    from services.cli.client.stack import Process

    running = Stack(str(tmp_path), processes={"kpi.query": Process(1, "log")})
    assert [finding.check for finding in parts.check_disk(running)] == [f"disk of {tmp_path}"]
    assert list(parts.check_disk(Stack(str(tmp_path)))) == []
