"""TLS of gRPC: certificates of servers and clients, and where plain text is allowed.

Certificates are files that are read again when one changes: a server presents the new one to the
next connection, a client opens a new channel, and running calls finish on the old ones.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import grpc

from services.kernel.access import Principal, issuer_of
from services.kernel.config import KernelSettings
from services.kernel.errors import Unauthenticated
from services.kernel.plain_text import is_loopback

PLAIN = "would be plain text beyond loopback: set {}, or KIENG_PLAIN_TEXT=true"
BINDING = "urn:kieng:institution:"
FILES = ("tls_certificate_file", "tls_key_file", "tls_authority_file")


class TlsTrouble(ValueError):
    """The TLS settings are unusable or unsafe; the message names the setting and the remedy."""


class Pems(NamedTuple):
    """Contents of the three TLS files in PEM format; None where a setting is unset.

    Args:
        certificate: certificate chain to present.
        key: its private key.
        authority: certificates of the accepted authorities.
    """

    certificate: bytes | None
    key: bytes | None
    authority: bytes | None


class PemFiles:
    """The TLS files that the settings name. Thread-safe."""

    def __init__(self, settings: KernelSettings) -> None:
        self._paths = {name: getattr(settings, name) for name in FILES}
        self._lock = threading.Lock()
        self._stamps: list[tuple[int, int]] | None = None

    def read(self) -> Pems:
        """Return the contents of the files, after checking them; None for each file that is unset.

        Raises:
            TlsTrouble: a file cannot be read or is not PEM, the key does not belong to the
                certificate, or only one of the two is set.
        """
        pems = []
        for name, path in self._paths.items():
            try:
                pems.append(None if path is None else path.read_bytes())
            except OSError as error:
                raise TlsTrouble(f"KIENG_{name.upper()}: {path}: {error.strerror}") from error
        certificate, key, authority = pems
        if not any(pems):
            return Pems(None, None, None)
        if (certificate is None) != (key is None):
            raise TlsTrouble("KIENG_TLS_CERTIFICATE_FILE, KIENG_TLS_KEY_FILE: set both or neither")
        # Most commands and tests open plain channels, and do without these imports.
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificates

        try:
            shown = [load_pem_x509_certificates(each) for each in (certificate, authority) if each]
            own = key and load_pem_private_key(key, password=None).public_key()
        except (ValueError, TypeError) as error:
            raise TlsTrouble(f"KIENG_TLS_..._FILE: not PEM, or a password: {error}") from error
        if own and own != shown[0][0].public_key():
            raise TlsTrouble("KIENG_TLS_KEY_FILE: it is not the key of the certificate")
        return Pems(certificate, key, authority)

    def changed(self) -> Pems | None:
        """Return the contents of the files if one changed since the last call that returned them.

        The first call returns the contents in any case; a later one returns None if no file
        changed.

        Raises:
            TlsTrouble: see `read`; the next call reads the files again.
        """
        with self._lock:
            try:
                found = [path.stat() for path in self._paths.values() if path]
            except OSError as error:
                raise TlsTrouble(f"{error.filename}: {error.strerror}") from error
            # A copied file may keep the old modification time, but has another inode.
            stamps = [(each.st_mtime_ns, each.st_ino) for each in found]
            if stamps == self._stamps:
                return None
            pems = self.read()
            self._stamps = stamps
            return pems


def mistakes(settings: KernelSettings) -> list[str]:
    """Return each reason why a service may not serve or call with these settings; empty if none."""
    found = []
    try:
        PemFiles(settings).read()
    except TlsTrouble as trouble:
        found.append(str(trouble))
    if settings.tls_mutual and not (settings.tls_certificate_file and settings.tls_authority_file):
        wanted = "KIENG_TLS_CERTIFICATE_FILE and KIENG_TLS_AUTHORITY_FILE"
        found.append(f"KIENG_TLS_MUTUAL: set {wanted} as well")
    if settings.tls_certificate_file is None and not _may_be_plain(settings.host, settings):
        wanted = "KIENG_TLS_CERTIFICATE_FILE and KIENG_TLS_KEY_FILE"
        found.append(f"KIENG_HOST: gRPC at {settings.host} {PLAIN.format(wanted)}")
    for name in type(settings).model_fields:
        if name.endswith("_address") and (reason := _insecure(getattr(settings, name), settings)):
            found.append(f"KIENG_{name.upper()}: {reason}")
    return found


def listen(server: grpc.Server, settings: KernelSettings) -> int:
    """Open the port of a gRPC server, with TLS if a certificate is set; return the port number.

    Args:
        server: server that has not been started.
        settings: name the address, port and TLS files.

    Raises:
        TlsTrouble: the files are unusable, or plain text would be served beyond loopback.
    """
    if found := mistakes(settings):
        raise TlsTrouble("; ".join(found))
    address = f"{settings.host}:{settings.grpc_port}"
    if settings.tls_certificate_file is None:
        return server.add_insecure_port(address)
    files = PemFiles(settings)

    def fetch() -> Any:
        try:
            pems = files.changed()
        except TlsTrouble as trouble:
            _tell(trouble)
            return None
        return None if pems is None else _configuration(pems)

    first = _configuration(files.read())
    credentials = grpc.dynamic_ssl_server_credentials(first, fetch, settings.tls_mutual)
    return server.add_secure_port(address, credentials)


def check_bound(principal: Principal, names: Sequence[str]) -> None:
    """Check that a token is not used with the client certificate of another institution or service.

    A certificate of a service may also be used with its callers' tokens unchanged, e.g. that of the
    portal.

    Args:
        principal: principal of the token.
        names: alternative names in the client's certificate. One with neither a name
            `urn:kieng:institution:ID` nor `urn:kieng:service:NAME` is not bound to anybody, and is
            accepted with every token.

    Raises:
        Unauthenticated: the certificate is bound to others only. The caller's fault.
    """
    services = [name for name in names if name.startswith(issuer_of(""))]
    bound = [*services, *(name for name in names if name.startswith(BINDING))]
    owner = issuer_of(principal.via) if principal.via else BINDING + principal.institution_id
    if bound and owner not in bound and (principal.via or not services):
        raise Unauthenticated("the certificate is not of the issuer of the token")


def _tell(trouble: TlsTrouble) -> None:
    import structlog

    message = "certificate is not usable, the former is shown"
    structlog.get_logger().error(message, reason=str(trouble))


def _configuration(pems: Pems) -> grpc.ServerCertificateConfiguration:
    pair: Any = (pems.key, pems.certificate)
    return grpc.ssl_server_certificate_configuration([pair], pems.authority)


class Connection:
    """A client connection to one address, replaced when a TLS file changes. Thread-safe.

    Args:
        address: address of the server, `host:port`.
        settings: name the TLS files; without an authority calls are plain text.
        make: returns the object that makes calls over a channel, e.g. a stub.
        options: options of the channel.
        library: module that opens channels: `grpc`, or `grpc.aio` for an event loop.
    """

    def __init__(
        self,
        address: str,
        settings: KernelSettings,
        make: Callable[[grpc.Channel], Any],
        options: Sequence[tuple[str, Any]] = (),
        library: Any = grpc,
    ) -> None:
        self._address, self._settings, self._make, self._options = address, settings, make, options
        self._library = library
        self._files = PemFiles(settings)
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._made: Any = None

    def current(self) -> Any:
        """Return the object that makes calls to the address, as ``make`` returned it.

        Connects only with the first call.

        Raises:
            TlsTrouble: the TLS files have never been usable, or plain text would be sent beyond
                loopback.
        """
        with self._lock:
            try:
                pems = self._files.changed()
            except TlsTrouble as trouble:
                if self._channel is None:
                    raise
                _tell(trouble)
                return self._made
            if pems is not None:
                # The old channel is not closed, because that would end its running calls; it is
                # freed after the last of them.
                self._channel = self._open(pems)
                self._made = self._make(self._channel)
            return self._made

    def close(self) -> Any:
        """Close the channel, if one was opened; with `grpc.aio`, return what to await for that."""
        return None if self._channel is None else self._channel.close()

    def _open(self, pems: Pems) -> Any:
        if reason := _insecure(self._address, self._settings):
            raise TlsTrouble(reason)
        if pems.authority is None:
            return self._library.insecure_channel(self._address, self._options)
        credentials = grpc.ssl_channel_credentials(pems.authority, pems.key, pems.certificate)
        return self._library.secure_channel(self._address, credentials, self._options)


def _insecure(address: str, settings: KernelSettings) -> str:
    """Return why calls to an address would be insecure; empty if they are allowed."""
    host = address.rpartition(":")[0]
    if settings.tls_authority_file is not None or _may_be_plain(host, settings):
        return ""
    return f"calls to {address} {PLAIN.format('KIENG_TLS_AUTHORITY_FILE')}"


def _may_be_plain(host: str, settings: KernelSettings) -> bool:
    return is_loopback(host) or settings.plain_text
