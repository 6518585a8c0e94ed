"""Calls services with a credential and a deadline, and raises their errors as `CallFailed`."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import grpc

from services.cli.client.channels import open_channel
from services.cli.client.stack import Stack
from services.cli.client.troubles import CallFailed, trouble_of_call
from services.cli.errors import USAGE, Failure

TOKEN = re.compile(r"[\w.~+/=-]+", re.ASCII)
"""What a token in a header consists of (RFC 6750)."""
UNARY_SECONDS = 20.0
STREAM_SECONDS = 600.0
TOKEN_SECONDS = 900
# A token is renewed long before it expires, so that no call of a long command uses an expired one.
TOKEN_REUSE_SECONDS = 300
OPTIONS = [
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    # A command that waits for a service has to notice soon that the service is back.
    ("grpc.max_reconnect_backoff_ms", 1000),
]


SERVICE_OF = {
    "DirectoryProposals": "partners",
    "KpiProposals": "kpi",
    "DirectoryServiceStub": "partners",
    "PartnerServiceStub": "partners",
    "SubmissionServiceStub": "submissions",
    "ImportServiceStub": "submissions",
    "ReviewServiceStub": "submissions",
    "LogServiceStub": "submissions",
    "KpiServiceStub": "kpi",
    "CatalogueServiceStub": "kpi",
    "TargetServiceStub": "kpi",
    "EditionServiceStub": "kpi",
    "ParkedServiceStub": "kpi",
    "NotificationServiceStub": "notifications",
}
"""Name of a stub class -> service that answers its calls; names, so as not to import every stub."""


class NoCredential(Failure):
    """Raised if a call needs a token and there is neither KIENG_TOKEN nor a local issuer."""


class Credential:
    """Provides the token for each call: KIENG_TOKEN, or else one made by the local issuer.

    Args:
        stack: stack whose local issuer is used.
        institution: id of the institution that the command acts for.
        roles: lower-case names of the roles that the command needs.
        subject: subject of the token; by default KIENG_SUBJECT or a name made of the first role and
            the institution, so that an author and an approver differ.
    """

    def __init__(
        self, stack: Stack, institution: str, roles: Sequence[str], subject: str = ""
    ) -> None:
        self._folder = stack.issuer_folder
        self._can_mint = stack.issuer_folder.is_dir()
        self._data = stack.data
        self._institution = institution
        self._roles = roles
        self._subject = subject or os.environ.get("KIENG_SUBJECT") or f"{roles[0]}@{institution}"
        self._made: dict[str, tuple[str, float]] = {}

    def token(self, service: str) -> str:
        """Return the token to send to one service: KIENG_TOKEN as it is, or else one made here.

        One made here is accepted by this service only, and valid for at least 10 minutes.

        Args:
            service: name of the service, e.g. `submissions`.

        Raises:
            NoCredential: there is neither KIENG_TOKEN nor a local issuer.
            Failure: KIENG_TOKEN cannot be a token, or no institution is given.
        """
        if given := os.environ.get("KIENG_TOKEN", "").strip():
            if not TOKEN.fullmatch(given):
                # Refused here, because no service is ever asked: no header can hold it.
                text = "KIENG_TOKEN is no token: copy it whole, without blanks or quotation marks"
                raise Failure(text, USAGE)
            return given
        if not self._can_mint:
            raise NoCredential(
                f"no credential: set KIENG_TOKEN, or name the data folder of a local stack "
                f"(--data; {self._data} has no local issuer)",
                USAGE,
            )
        if not self._institution:
            raise Failure(
                "for which institution? Give --institution, e.g. --institution vnu, or set "
                "KIENG_INSTITUTION",
                USAGE,
            )
        made, at = self._made.get(service, ("", 0.0))
        if not made or time.monotonic() - at > TOKEN_REUSE_SECONDS:
            # Imported only to sign: a given token needs no cryptography.
            from services.cli.client.local_issuer import LocalIssuer

            made = LocalIssuer(self._folder).mint(
                self._institution, self._subject, self._roles, "", TOKEN_SECONDS, [service]
            )
            self._made[service] = made, time.monotonic()
        return made


class Clients:
    """Stubs of the services of one stack, all with the same credential.

    Use it as a context manager, which closes the channels at the end of its block.
    """

    def __init__(self, stack: Stack, credential: Credential) -> None:
        self._stack = stack
        self._credential = credential
        self._channels: dict[str, grpc.Channel] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for channel in self._channels.values():
            channel.close()

    def stub(self, stub_class: Any) -> Any:
        """Return a stub whose methods take only a request; credential and deadline are added.

        Its methods raise `CallFailed` if the service refuses a call or does not answer.

        Raises:
            Failure: the address of the service is not known, or the channel cannot be opened; see
                `open_channel`.
        """
        service = SERVICE_OF[stub_class.__name__]
        address = self._stack.address(service)
        if address not in self._channels:
            self._channels[address] = open_channel(self._stack, address, OPTIONS)
        stub = stub_class(self._channels[address])
        return _BoundStub(stub, self._credential, service, address)


class _BoundStub:
    """A stub that adds credential and deadline to each call, and raises `CallFailed`."""

    def __init__(self, stub: Any, credential: Credential, service: str, address: str) -> None:
        self._stub = stub
        self._credential = credential
        self._where = (service, address)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        method = getattr(self._stub, name)

        def invoke(request: Any) -> Any:
            metadata = (("authorization", f"Bearer {self._credential.token(self._where[0])}"),)
            if isinstance(method, grpc.UnaryStreamMultiCallable):
                return self._each(method(request, metadata=metadata))
            if isinstance(method, grpc.StreamStreamMultiCallable):
                call = method(request, timeout=STREAM_SECONDS, metadata=metadata)
                return self._each(call)
            try:
                return method(request, timeout=UNARY_SECONDS, metadata=metadata)
            except grpc.RpcError as error:
                raise CallFailed(trouble_of_call(error), *self._where) from error

        return invoke

    def _each(self, call: Any) -> Iterator[Any]:
        try:
            yield from call
        except grpc.RpcError as error:
            raise CallFailed(trouble_of_call(error), *self._where) from error
        finally:
            call.cancel()
