from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc as grpcio
import pytest
from structlog.testing import capture_logs

from kieng.notifications.v1 import notification_service_pb2 as api
from kieng.notifications.v1.notification_service_pb2_grpc import NotificationServiceStub
from services.cli.client.trial_authority import TrialAuthority
from services.kernel.config import KernelSettings
from services.kernel.tls import Connection, TlsTrouble, listen, mistakes
from tests.unit.kernel.serving import Client, reason_of, running, service, token, write_issuers

UNAVAILABLE = grpcio.StatusCode.UNAVAILABLE


class Parts:
    """A folder with the certificate of a server, and settings that name its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tls"
        self.issuers = write_issuers(folder / "issuers.json")
        self.certify("first")

    def certify(self, authority: str) -> None:
        """Put a new certificate in place, of an authority by name."""
        signer = TrialAuthority(self.folder.parent / authority)
        signer.certify(["localhost", "127.0.0.1"], self.folder)

    def settings(self, **changed: Any) -> KernelSettings:
        """Settings of a server."""
        files = {"certificate": "tls.crt", "key": "tls.key", "authority": "ca.crt"}
        named = {f"tls_{name}_file": self.folder / file for name, file in files.items()}
        return KernelSettings(**{"issuers_file": self.issuers, **named, **changed})

    def believing(self, authority: str) -> KernelSettings:
        """Settings of a client without a certificate."""
        return KernelSettings(tls_authority_file=self.folder.parent / authority / "ca.crt")


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return Parts(tmp_path)


@pytest.fixture
def served(parts: Parts) -> Iterator[Client]:
    with running(parts.settings()) as client:
        yield client


def ask(port: int, settings: KernelSettings, shown: str = "") -> Any:
    connection = Connection(f"127.0.0.1:{port}", settings, NotificationServiceStub)
    try:
        return ask_by(connection, shown)
    finally:
        connection.close()


def ask_by(connection: Connection, shown: str = "") -> Any:
    credential = [("authorization", f"Bearer {shown or token()}")]
    request = api.GetSubscriptionRequest()
    return connection.current().GetSubscription(request, timeout=5, metadata=credential)


def refused(port: int, settings: KernelSettings) -> bool:
    with pytest.raises(grpcio.RpcError) as refusal:
        ask(port, settings)
    return bool(refusal.value.code() == UNAVAILABLE)


def test_a_client_that_believes_the_authority_is_answered(parts: Parts, served: Client) -> None:
    assert ask(served.server.port, parts.believing("first")) == api.GetSubscriptionResponse()


def test_a_client_of_another_authority_or_in_plain_text_sends_nothing(
    parts: Parts, served: Client
) -> None:
    seen: list[Any] = []
    served.behaviour.answer = lambda request, call: seen.append(request)
    TrialAuthority(parts.folder.parent / "other").certify(["127.0.0.1"], parts.folder.parent / "x")
    assert refused(served.server.port, parts.believing("other"))
    assert refused(served.server.port, KernelSettings())
    assert seen == []


def test_a_certificate_of_another_host_is_not_believed(parts: Parts) -> None:
    signer = TrialAuthority(parts.folder.parent / "first")
    signer.certify(["elsewhere.example.vn"], parts.folder)
    with running(parts.settings()) as client:
        assert refused(client.server.port, parts.believing("first"))


def test_a_mutual_server_answers_only_who_shows_a_certificate(parts: Parts) -> None:
    with running(parts.settings(tls_mutual=True)) as client:
        assert ask(client.server.port, parts.settings()) == api.GetSubscriptionResponse()
        assert refused(client.server.port, parts.believing("first"))


CALLING, ENTRY = service("submissions", "toy")
INSTITUTION, SERVICE = "urn:kieng:institution:", "urn:kieng:service:"


@pytest.mark.parametrize(
    ("named", "is_direct", "is_wrapped"),
    [
        ([f"{INSTITUTION}alpha"], True, False),
        ([f"{INSTITUTION}beta"], False, False),
        ([f"{SERVICE}submissions"], True, True),
        ([f"{SERVICE}partners"], True, False),
        ([f"{SERVICE}partners", f"{SERVICE}submissions"], True, True),
        ([f"{INSTITUTION}beta", f"{SERVICE}submissions"], True, True),
        (["submissions.example.vn"], True, True),
    ],
)
def test_a_certificate_brings_only_tokens_of_the_institution_or_service_that_it_names(
    parts: Parts, named: list[str], is_direct: bool, is_wrapped: bool
) -> None:
    """A direct token is of an institution's caller, a wrapped one is signed by `submissions`.

    What the certificate brings is then refused for another reason: `submissions` calls no such RPC.
    """
    write_issuers(parts.issuers, ENTRY)
    own = parts.folder.parent / "own"
    TrialAuthority(parts.folder.parent / "first").certify(named, own)
    files = {"tls_certificate_file": own / "tls.crt", "tls_key_file": own / "tls.key"}
    with running(parts.settings(tls_mutual=True)) as client:

        def answer(shown: str) -> str:
            try:
                ask(client.server.port, parts.settings(**files), shown)
            except grpcio.RpcError as refusal:
                return reason_of(refusal)
            return "OK"

        assert answer(token()) == ("OK" if is_direct else "BAD_CREDENTIAL")
        expected = "NOT_ALLOWED" if is_wrapped else "BAD_CREDENTIAL"
        assert answer(CALLING.around(token())) == expected


def test_a_new_certificate_is_shown_to_the_next_and_drops_no_call(
    parts: Parts, served: Client
) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def answer(request: object, call: object) -> None:
        asked.set()
        go_on.wait(20)

    served.behaviour.answer = answer
    port = served.server.port
    address, own = f"127.0.0.1:{port}", parts.settings()
    connection = Connection(address, own, NotificationServiceStub)
    credential = (("authorization", f"Bearer {token()}"),)
    under_way = connection.current().GetSubscription.future(
        api.GetSubscriptionRequest(), timeout=20, metadata=credential
    )
    # Before the handshake it would be shown the new certificate, and believe the old authority.
    assert asked.wait(20)
    parts.certify("second")
    go_on_other = ask_in_thread(port, parts.believing("second"))
    # The client's own files changed as well, so its next call believes the new authority.
    renewed = connection.current()
    assert not under_way.done()
    go_on.set()
    assert under_way.result() == go_on_other() == api.GetSubscriptionResponse()
    assert renewed is connection.current()
    assert ask_by(connection) == api.GetSubscriptionResponse()
    assert refused(port, parts.believing("first"))
    connection.close()


def ask_in_thread(port: int, settings: KernelSettings) -> Any:
    """Begin a call; return what waits for its answer."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(ask(port, settings)))
    thread.start()

    def answer() -> Any:
        thread.join(20)
        return found[0]

    return answer


def test_half_replaced_files_leave_the_former_certificate(parts: Parts, served: Client) -> None:
    port = served.server.port
    keys = parts.folder.parent / "kept.key"
    shutil.copy(parts.folder / "tls.key", keys)
    parts.certify("second")
    shutil.copy(parts.folder / "tls.key", parts.folder.parent / "new.key")
    shutil.copy(keys, parts.folder / "tls.key")
    with capture_logs() as lines:
        assert ask(port, parts.believing("first")) == api.GetSubscriptionResponse()
    assert [line["reason"] for line in lines if line["log_level"] == "error"] == [
        "KIENG_TLS_KEY_FILE: it is not the key of the certificate"
    ]
    shutil.copy(parts.folder.parent / "new.key", parts.folder / "tls.key")
    assert ask(port, parts.believing("second")) == api.GetSubscriptionResponse()


def test_a_client_keeps_its_channel_while_its_files_are_broken(parts: Parts) -> None:
    connection = Connection("127.0.0.1:1", parts.settings(), NotificationServiceStub)
    before = connection.current()
    (parts.folder / "ca.crt").unlink()
    assert connection.current() is before
    connection.close()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "plain text for everybody": ({"host": "0.0.0.0"}, "KIENG_HOST: gRPC at 0.0.0.0 would be plain"),
    "a name is not loopback": ({"host": "example.vn"}, "KIENG_HOST: gRPC at example.vn would be"),
    "no key": ({"tls_key_file": None}, "set both or neither"),
    "no such file": ({"tls_key_file": Path("none.key")}, "KIENG_TLS_KEY_FILE: .*none.key"),
    "nobody to believe": (
        {"tls_authority_file": None, "tls_mutual": True},
        "KIENG_TLS_MUTUAL: set KIENG_TLS_CERTIFICATE_FILE and KIENG_TLS_AUTHORITY_FILE as well",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_server_refuses_settings_that_are_not_safe(parts: Parts, name: str) -> None:
    changed, told = WRONG[name]
    settings = KernelSettings(**changed) if "host" in changed else parts.settings(**changed)
    server = grpcio.server(thread_pool=None)  # type: ignore[arg-type]  # it never starts
    with pytest.raises(TlsTrouble, match=told):
        listen(server, settings)
    assert len(mistakes(settings)) == 1


def test_a_text_that_is_no_pem_is_told(parts: Parts) -> None:
    (parts.folder / "ca.crt").write_text("certificate")
    assert "not PEM" in mistakes(parts.settings())[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_may_be_plain_text(host: str) -> None:
    assert mistakes(KernelSettings(host=host)) == []


def test_plain_text_beyond_loopback_must_be_wanted(parts: Parts) -> None:
    assert mistakes(KernelSettings(host="0.0.0.0", plain_text=True)) == []
    assert mistakes(parts.settings(host="0.0.0.0")) == []


class Calling(KernelSettings):
    other_address: str = "other.example.vn:50051"


def test_a_client_sends_no_credential_in_plain_text_beyond_loopback(parts: Parts) -> None:
    (told,) = mistakes(Calling())
    assert told.startswith("KIENG_OTHER_ADDRESS: calls to other.example.vn:50051 would be plain")
    with pytest.raises(TlsTrouble, match="KIENG_TLS_AUTHORITY_FILE"):
        Connection("other.example.vn:50051", Calling(), NotificationServiceStub).current()
    assert mistakes(Calling(plain_text=True)) == []
    assert mistakes(Calling(**parts.believing("first").model_dump(include=TRUST))) == []


TRUST = {"tls_authority_file"}
