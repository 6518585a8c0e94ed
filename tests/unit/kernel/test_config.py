from __future__ import annotations

import socket
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaConnectionError
from pydantic import SecretStr

from services.cli.local.ports import free_ports
from services.kernel.config import KernelSettings, load, read

KNOWN = {*KafkaConsumer.DEFAULT_CONFIG, *KafkaProducer.DEFAULT_CONFIG}


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIENG_GRPC_PORT", "50051")
    monkeypatch.setenv("KIENG_KAFKA_MEMBERSHIP", "sole")
    settings = load(KernelSettings)
    assert (settings.grpc_port, settings.kafka_membership) == (50051, "sole")


def test_all_mistakes_are_listed_at_once_and_end_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_GRPC_PORT", "many")
    monkeypatch.setenv("KIENG_LOG_FORMAT", "secret-xml")
    monkeypatch.setenv("KIENG_REFLECTION", "perhaps")
    with pytest.raises(SystemExit) as end:
        load(KernelSettings)
    told = capsys.readouterr().err
    assert end.value.code == 2
    for name in ("KIENG_GRPC_PORT", "KIENG_LOG_FORMAT", "KIENG_REFLECTION"):
        assert f"  {name}: " in told
    # A wrong value may be a password in the wrong place.
    assert "secret-xml" not in told


def test_no_client_is_made_while_no_broker_listens() -> None:
    first, second = free_ports(2)
    settings = KernelSettings(kafka_bootstrap=f"127.0.0.1:{first},127.0.0.1:{second}")
    for options in (settings.producer_options, lambda: settings.consumer_options("g", False)):
        with pytest.raises(KafkaConnectionError, match="no broker listens"):
            options()


def test_one_listening_broker_of_several_is_enough() -> None:
    (closed,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as broker:
        addresses = f"127.0.0.1:{closed}, 127.0.0.1:{broker.getsockname()[1]}"
        settings = KernelSettings(kafka_bootstrap=addresses)
        assert settings.producer_options()["bootstrap_servers"] == addresses
        own = settings.consumer_options("g", True)
        shared = settings.consumer_options("g", False)
    assert (own["auto_offset_reset"], shared["auto_offset_reset"]) == ("none", "earliest")
    assert own["enable_auto_commit"] is False


def test_the_environment_goes_before_the_file_that_it_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "kieng.env"
    file.write_text("# ours\nKIENG_GRPC_PORT=50051\nKIENG_HTTP_PORT=50052\nOTHER=1\n")
    monkeypatch.setenv("KIENG_CONFIG_FILE", str(file))
    monkeypatch.setenv("KIENG_GRPC_PORT", "50061")
    settings = load(KernelSettings)
    assert (settings.grpc_port, settings.http_port) == (50061, 50052)


def test_a_value_may_stand_in_a_file_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    password, file = tmp_path / "password", tmp_path / "kieng.env"
    password.write_text("made-up\n")
    file.write_text(f"KIENG_KAFKA_SASL_PASSWORD_FILE={password}\n")
    monkeypatch.setenv("KIENG_CONFIG_FILE", str(file))
    monkeypatch.setenv("KIENG_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    settings = load(KernelSettings)
    assert settings.kafka_sasl_password.get_secret_value() == "made-up"
    assert "made-up" not in repr(settings)


def test_files_that_cannot_be_read_stand_in_the_one_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIENG_CONFIG_FILE", str(tmp_path / "absent.env"))
    monkeypatch.setenv("KIENG_MONGO_URI_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("KIENG_GRPC_PORT", "many")
    with pytest.raises(SystemExit):
        load(KernelSettings)
    told = capsys.readouterr().err
    for name in ("KIENG_CONFIG_FILE", "KIENG_MONGO_URI_FILE", "KIENG_GRPC_PORT"):
        assert f"  {name}: " in told


def test_files_of_windows_are_read_without_the_mark_in_front(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    password, file = tmp_path / "password", tmp_path / "kieng.env"
    password.write_text("made-up\r\n", encoding="utf-8-sig")
    text = f"KIENG_GRPC_PORT=50051\r\nKIENG_KAFKA_SASL_PASSWORD_FILE={password}\r\n"
    file.write_text(text, encoding="utf-8-sig")
    monkeypatch.setenv("KIENG_CONFIG_FILE", str(file))
    settings = load(KernelSettings)
    assert settings.grpc_port == 50051
    assert settings.kafka_sasl_password.get_secret_value() == "made-up"


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "Is a directory"), ("KIENG_GRPC_PORT=1\n".encode("utf-16"), "is not text in UTF-8")],
)
def test_a_folder_or_other_encoding_in_place_of_the_file_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    # Docker makes a folder of a file that is to be mounted and does not exist.
    file = tmp_path / "kieng.env"
    file.mkdir() if content is None else file.write_bytes(content)
    monkeypatch.setenv("KIENG_CONFIG_FILE", str(file))
    assert read(KernelSettings)[1] == [f"KIENG_CONFIG_FILE: {file}: {problem}"]


def test_every_client_of_the_brokers_is_told_how_to_speak_and_to_log_in() -> None:
    with socket.create_server(("127.0.0.1", 0)) as broker:
        settings = KernelSettings(
            kafka_bootstrap=f"127.0.0.1:{broker.getsockname()[1]}",
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="SCRAM-SHA-256",
            kafka_sasl_username="kieng",
            kafka_sasl_password=SecretStr("made-up"),
            kafka_ssl_cafile="ca.pem",
        )
        wanted = {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_plain_username": "kieng",
            "sasl_plain_password": "made-up",
            "ssl_cafile": "ca.pem",
            "ssl_certfile": None,
            "ssl_keyfile": None,
        }
        for options in (settings.producer_options(), settings.consumer_options("g", True)):
            assert wanted.items() <= options.items()
            assert set(options) <= KNOWN
