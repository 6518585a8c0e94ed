"""Plain text to brokers and databases: on loopback, or where a setting says so; nowhere else."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from services.kernel.config import KernelSettings, read
from services.kernel.plain_text import database_unsafe, is_loopback

DATABASE = "mongodb://kieng:made-up@database.example.vn:27017/"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_these_hosts_are_on_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "[2001:db8::1]", "kafka", "localhost."])
def test_these_hosts_are_not(host: str) -> None:
    assert not is_loopback(host)


SAFE: list[dict[str, Any]] = [
    {},
    {"kafka_bootstrap": "127.0.0.1:1, [::1]:2,localhost:3"},
    {"kafka_bootstrap": "kafka:9092", "kafka_security_protocol": "SSL"},
    {"kafka_bootstrap": "kafka:9092", "kafka_security_protocol": "SASL_SSL"},
    {"kafka_bootstrap": "kafka:9092", "kafka_plain_text": True},
    {"mongo_uri": "mongodb://[::1]:1,localhost/?replicaSet=kieng"},
    {"mongo_uri": f"{DATABASE}?TLS=True&tlsCAFile=/ca.crt"},
    {"mongo_uri": f"{DATABASE}?ssl=true&tlsInsecure=false"},
    {"mongo_uri": "mongodb+srv://database.example.vn/?retryWrites=true"},
    {"mongo_uri": DATABASE, "mongo_plain_text": True},
]


@pytest.mark.parametrize("given", SAFE, ids=map(str, range(len(SAFE))))
def test_what_is_safe_or_asked_for_is_taken(given: dict[str, Any]) -> None:
    KernelSettings(**given)


UNSAFE: list[tuple[dict[str, Any], str]] = [
    ({"kafka_bootstrap": "127.0.0.1:1,kafka:9092"}, "kafka would be reached without verified TLS"),
    (
        {"kafka_bootstrap": "10.0.0.1:1", "kafka_security_protocol": "SASL_PLAINTEXT"},
        "use KIENG_KAFKA_SECURITY_PROTOCOL=SASL_SSL, or set KIENG_KAFKA_PLAIN_TEXT=true",
    ),
    ({"mongo_uri": DATABASE}, "database.example.vn would be reached without verified TLS"),
    ({"mongo_uri": "mongodb://localhost,b.example.vn/"}, "b.example.vn would be reached"),
    ({"mongo_uri": f"{DATABASE}?tls=false"}, "use tls=true in the URI"),
    ({"mongo_uri": "mongodb+srv://database.example.vn/?ssl=false"}, "database.example.vn would"),
    ({"mongo_uri": f"{DATABASE}?tls=true&tlsInsecure=true"}, "without verified TLS"),
    ({"mongo_uri": f"{DATABASE}?tls=true&tlsAllowInvalidHostnames=true"}, "without verified TLS"),
    ({"mongo_uri": f"{DATABASE}?tls=true&tlsAllowInvalidCertificates=true"}, "verified TLS"),
]


@pytest.mark.parametrize(("given", "told"), UNSAFE, ids=map(str, range(len(UNSAFE))))
def test_plain_text_beyond_loopback_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        KernelSettings(**given)


def test_the_refusal_names_the_setting_and_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIENG_MONGO_URI", DATABASE)
    monkeypatch.setenv("KIENG_KAFKA_BOOTSTRAP", "kafka:9092")
    _, mistakes = read(KernelSettings)
    assert [mistake.partition(":")[0] for mistake in mistakes] == [
        "KIENG_KAFKA_PLAIN_TEXT",
        "KIENG_MONGO_PLAIN_TEXT",
    ]
    assert all("without verified TLS" in mistake for mistake in mistakes)
    assert "made-up" not in str(mistakes)


def test_what_is_no_uri_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="KIENG_MONGO_URI is no URI") as refused:
        database_unsafe("made-up@database")
    assert "made-up" not in str(refused.value)
    monkeypatch.setenv("KIENG_MONGO_URI", "made-up@database")
    _, (mistake,) = read(KernelSettings)
    assert "made-up" not in mistake
