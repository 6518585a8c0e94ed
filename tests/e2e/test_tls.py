"""A stack that speaks TLS: clients with the right certificate, with another, and without."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from kieng.kpi.v1 import kpi_service_pb2, view_pb2
from kieng.kpi.v1.kpi_service_pb2_grpc import KpiServiceStub
from services.cli.client.trial_authority import TrialAuthority
from tests.e2e.calls import Caller, article, creation
from tests.e2e.running import RunningStack
from tests.waiting import wait_until

MONTHS = ("2019-05", "2019-05")
SECONDS = 10.0
WANTED = view_pb2.Selection(
    unit_ids=["vnu/uet"], indicator_codes=["KNW-03"], from_month=MONTHS[0], to_month=MONTHS[1]
)


@pytest.fixture(scope="module")
def secure(
    tmp_path_factory: pytest.TempPathFactory, measured: Callable[[str], None]
) -> Iterator[RunningStack]:
    """`kieng up --tls` on an empty folder."""
    running = RunningStack(tmp_path_factory.mktemp("tls"), "embedded", {})
    try:
        seconds = running.start("up", "--tls", until="kieng doctor")
        measured(f"kieng up --tls: {seconds:.1f} s")
        yield running
    finally:
        assert running.stop() == 0


def counted(stack: RunningStack) -> int:
    (cell,) = stack.kpis(["vnu/uet"], *MONTHS, "KNW-03")["cells"]
    return int(cell["declared"])


def asked(stack: RunningStack, credentials: grpc.ChannelCredentials | None) -> Any:
    """GetKpis by a client of its own: the answer, or the error."""
    address = stack.stack.address("kpi")
    opened = (
        grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
    )
    metadata = (("authorization", f"Bearer {stack.token('vnu', 'viewer')}"),)
    with opened as channel:
        request = kpi_service_pb2.GetKpisRequest(selection=WANTED)
        try:
            return KpiServiceStub(channel).GetKpis(request, timeout=SECONDS, metadata=metadata)
        except grpc.RpcError as error:
            return error


@pytest.mark.slow
def test_only_who_believes_the_right_authority_is_answered(
    secure: RunningStack, tmp_path: Path, measured: Callable[[str], None]
) -> None:
    # Its service asks another for the unit: services call each other by TLS as well.
    Caller(secure, "vnu", "contributor").create(
        creation("vnu/uet", article("10.5555/e2e.tls", "2019-05-05"))
    )
    wait_until(lambda: counted(secure) == 1, 30, "the article is counted")
    authority = Path(secure.stack.authority).read_bytes()
    answer = asked(secure, grpc.ssl_channel_credentials(authority))
    assert [cell.declared.whole for cell in answer.cells] == [1]
    TrialAuthority(tmp_path / "authority").certify(["127.0.0.1"], tmp_path)
    other = asked(secure, grpc.ssl_channel_credentials((tmp_path / "ca.crt").read_bytes()))
    plain = asked(secure, None)
    assert other.code() == plain.code() == grpc.StatusCode.UNAVAILABLE
    assert "CERTIFICATE_VERIFY_FAILED" in other.details()
    measured(f"with another authority: {other.details()}; in plain text: {plain.details()}")


@pytest.mark.slow
def test_every_command_works_and_the_doctor_tells_when_certificates_end(
    secure: RunningStack,
) -> None:
    found = json.loads(secure.run("doctor", "--output", "json").out)
    checks = {check["check"]: check for check in found["checks"]}
    for name in ("partners", "submissions", "kpi.query", "notifications"):
        assert checks[f"certificate of {name}"]["detail"].startswith("holds until")
        assert checks[name]["detail"].endswith("SERVING")


@pytest.mark.slow
def test_a_new_certificate_is_taken_while_a_stream_goes_on(secure: RunningStack) -> None:
    metadata = (("authorization", f"Bearer {secure.token('vnu', 'viewer')}"),)
    before = counted(secure)
    with secure.channel("kpi") as channel:
        request = kpi_service_pb2.WatchKpisRequest(selection=WANTED)
        stream = KpiServiceStub(channel).WatchKpis(request, timeout=60, metadata=metadata)
        next(stream)
        # Another authority, too: whoever connects from now on must believe the new one.
        data = secure.data
        for path in ("ca.key", "ca.crt"):
            (data / "authority" / path).unlink()
        old = (data / "tls" / "ca.crt").read_bytes()
        assert secure.run("certificate", "create", "127.0.0.1").code == 0
        refused = asked(secure, grpc.ssl_channel_credentials(old))
        assert refused.code() == grpc.StatusCode.UNAVAILABLE
        Caller(secure, "vnu", "contributor").create(
            creation("vnu/uet", article("10.5555/e2e.tls.renewed", "2019-05-06"))
        )
        next(stream)
        stream.cancel()
    wait_until(lambda: counted(secure) == before + 1, 30, "the second article is counted")
