from __future__ import annotations

import socket

import pytest
from kafka.errors import KafkaConnectionError

from services.cli.processes import free_ports
from services.kernel.config import KernelSettings, load


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
        with pytest.raises(KafkaConnectionError, match="refused"):
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
