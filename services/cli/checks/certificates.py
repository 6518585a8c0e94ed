"""Checks keys of issuers and certificates: whether they are readable, and when they expire."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from services.cli.checks.findings import Finding
from services.cli.client.stack import Stack
from services.cli.errors import DOWN, NO
from services.kernel.access import ALGORITHMS
from services.kernel.config import KernelSettings, load

SOON = timedelta(days=30)
CONNECT_SECONDS = 3.0
KINDS: dict[str, type[Any]] = {
    "EdDSA": ed25519.Ed25519PublicKey,
    "ES256": ec.EllipticCurvePublicKey,
    "RS256": rsa.RSAPublicKey,
}
RENEW = "have it renewed, and put the new one beside it before the day"


def check_issuers(path: Path, now: datetime) -> Iterator[Finding]:
    """Yield a finding on the table of issuers, and one for each key that ends soon or has ended.

    The table is wrong if it cannot be read or is empty, or if a key cannot be read or does not fit
    the algorithms of its issuer. An issuer may state the last day of a key, `"not_after": {"<kid>":
    "2027-01-31"}`. It is only a reminder: services accept the key until it is removed from the
    table.
    """
    try:
        issuers = json.loads(path.read_bytes())["issuers"]
        troubles = [trouble for issuer in issuers for trouble in _troubles(issuer)]
        ends = [end for issuer in issuers for end in _ends(issuer)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = f"{path}: not a table of issuers: {type(error).__name__}: {error}"
        yield Finding("issuers", NO, text, "write it as docs/integrating.md says")
        return
    if troubles or not issuers:
        text = "; ".join(troubles) or f"{path} lists nobody: no token holds"
        yield Finding("issuers", NO, text, f"mend {path}; services read it again by themselves")
    else:
        keys = sum(len(issuer["keys"]) for issuer in issuers)
        yield Finding("issuers", 0, f"{len(issuers)} with {keys} keys, {path}")
    for name, end in ends:
        yield from ending(f"key {name}", end, now, well=False)


def _troubles(issuer: dict[str, Any]) -> Iterator[str]:
    name = issuer["institution_id"]
    for algorithm in set(issuer["algorithms"]) - ALGORITHMS:
        yield f"{name}: algorithm {algorithm} is never accepted"
    allowed = tuple(KINDS[each] for each in issuer["algorithms"] if each in KINDS)
    for kid, text in issuer["keys"].items():
        try:
            key = load_pem_public_key(text.encode())
        except ValueError:
            yield f"{name}: key {kid} cannot be read"
        else:
            if not isinstance(key, allowed):
                yield f"{name}: key {kid} fits none of {', '.join(issuer['algorithms'])}"
    if not issuer["keys"]:
        yield f"{name}: has no key"


def _ends(issuer: dict[str, Any]) -> Iterator[tuple[str, datetime]]:
    for kid, day in issuer.get("not_after", {}).items():
        end = datetime.fromisoformat(day)
        yield f"{issuer['institution_id']}/{kid}", end if end.tzinfo else end.replace(tzinfo=UTC)


def check_brokers(bootstrap: str, now: datetime) -> Iterator[Finding]:
    """Yield a finding for the certificate of each broker and for the CA file, if brokers use TLS.

    Args:
        bootstrap: addresses `host:port` of the brokers, separated by commas.
        now: current time.
    """
    settings = load(KernelSettings)
    if "SSL" not in settings.kafka_security_protocol:
        return
    if settings.kafka_ssl_cafile:
        yield from _check_file(Path(settings.kafka_ssl_cafile), now)
    for address in bootstrap.split(","):
        name = f"certificate of {address.strip()}"
        try:
            end = served(address.strip())
        except (OSError, ValueError) as error:
            yield Finding(name, DOWN, str(error), "look whether the broker serves TLS there")
        else:
            yield from ending(name, end, now, well=True)


def check_services(stack: Stack, now: datetime) -> Iterator[Finding]:
    """Yield a finding for the certificate of each service with a gRPC port, if gRPC uses TLS."""
    grpc = {name: process.grpc for name, process in stack.processes.items() if process.grpc}
    for name, address in grpc.items() if stack.authority else ():
        try:
            end = served(address)
        except (OSError, ValueError) as error:
            yield Finding(f"certificate of {name}", DOWN, str(error), f"see the log of {name}")
        else:
            yield from ending(f"certificate of {name}", end, now, well=True)


def _check_file(path: Path, now: datetime) -> Iterator[Finding]:
    name = f"certificates in {path.name}"
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        yield Finding(name, DOWN, str(error), "set KIENG_KAFKA_SSL_CAFILE to a PEM file")
        return
    yield from ending(name, min(each.not_valid_after_utc for each in found), now, well=True)


def served(address: str) -> datetime:
    """Return the expiry date of the certificate that the server at an address `host:port` presents.

    The certificate is not verified.

    Raises:
        OSError: no TLS server answers there.
        ValueError: the address has no port, or the certificate cannot be decoded.
    """
    host, _, port = address.rpartition(":")
    # Not verified, because the check has to find expired certificates. No data is sent.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(shown or b"").not_valid_after_utc


def ending(name: str, end: datetime, now: datetime, *, well: bool) -> Iterator[Finding]:
    """Yield a finding if a key or certificate has expired or expires within `SOON`.

    Args:
        name: name of the check in the finding.
        end: when the key or certificate expires.
        now: current time.
        well: whether to yield a healthy finding if it expires later than that.
    """
    day = f"{end:%Y-%m-%d}"
    if end <= now:
        yield Finding(name, DOWN, f"ended on {day}", RENEW)
    elif end - now < SOON:
        yield Finding(name, NO, f"ends on {day}, in {(end - now).days} days", RENEW)
    elif well:
        yield Finding(name, 0, f"holds until {day}")
