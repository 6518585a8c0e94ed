from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.cli.admin.probes import grpc_state
from services.cli.client.channels import open_channel
from services.cli.client.stack import Process, Stack, find
from services.cli.client.trial_authority import TrialAuthority
from services.cli.errors import USAGE, Failure
from services.kernel.config import KernelSettings
from services.kernel.tls import listen


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """A stack whose one service has a certificate, as it is read from its file."""
    TrialAuthority(tmp_path / "authority").certify(["127.0.0.1"], tmp_path / "tls")
    settings = KernelSettings(
        tls_certificate_file=tmp_path / "tls" / "tls.crt",
        tls_key_file=tmp_path / "tls" / "tls.key",
    )
    server = grpc.server(ThreadPoolExecutor(1))
    healthy = health.HealthServicer()
    healthy.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    port = listen(server, settings)
    server.start()
    processes = {"partners": Process(1, "log", f"127.0.0.1:{port}")}
    authority = str(tmp_path / "tls" / "ca.crt")
    Stack(str(tmp_path), 1, processes=processes, authority=authority).save()
    return find(tmp_path)


def test_a_command_believes_the_authority_of_its_stack(stack: Stack) -> None:
    assert grpc_state(stack, stack.address("partners"), 5.0) == ""


def test_the_setting_goes_before_the_stack(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TrialAuthority(tmp_path / "other").certify(["127.0.0.1"], tmp_path / "others")
    monkeypatch.setenv("KIENG_TLS_AUTHORITY_FILE", str(tmp_path / "others" / "ca.crt"))
    assert "CERTIFICATE_VERIFY_FAILED" in grpc_state(stack, stack.address("partners"), 5.0)


@pytest.mark.parametrize("address", ["kieng.example.vn:443", "192.0.2.1:50051"])
def test_no_token_leaves_in_plain_text(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure, match="would be plain text beyond loopback") as failure:
        open_channel(Stack("."), address)
    assert failure.value.exit_code == USAGE
    assert "plain text" in grpc_state(Stack("."), address, 1.0)
    monkeypatch.setenv("KIENG_PLAIN_TEXT", "true")
    open_channel(Stack("."), address).close()


def test_an_authority_that_is_gone_is_told(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "tls" / "ca.crt").unlink()
    with pytest.raises(Failure, match=r"ca\.crt"):
        open_channel(stack, stack.address("partners"))
