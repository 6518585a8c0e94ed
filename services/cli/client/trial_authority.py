"""The trial authority: signs certificates of services, brokers and databases with a local key.

Not for production, where certificates come from an authority that all institutions trust. Files
have the names that Kubernetes and its tools use: `tls.crt`, `tls.key`, `ca.crt`, and
`tls-combined.pem` with key and certificate, which Kafka, MongoDB and its clients read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
CERTIFICATE_LIFE = timedelta(days=398)
CLOCK_SKEW = timedelta(minutes=5)
USES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


class TrialAuthority:
    """Signs certificates with a key that is created when it is first needed.

    Args:
        folder: folder of `ca.key`, readable for its owner only, and `ca.crt`.
    """

    def __init__(self, folder: Path) -> None:
        self._key_file, self._certificate_file = folder / "ca.key", folder / "ca.crt"

    def certify(
        self, names: Sequence[str], folder: Path, *, is_group_readable: bool = False
    ) -> datetime:
        """Write a new key and a certificate for host names, IP addresses and URNs to a folder.

        The files are `tls.key`, `tls.crt`, both in `tls-combined.pem`, and a copy of `ca.crt`.
        Existing files are replaced one after another; a process that reads them in between finds
        that the key does not match the certificate, and reads again.

        Args:
            names: at least one; the first is also the common name of the certificate.
            folder: folder of the files, created if it is missing.
            is_group_readable: whether the group of this process may read the key, and not only its
                user: for servers that run as another user.

        Returns:
            When the certificate expires: after 398 days, or earlier with the authority itself.
        """
        issuer_key, issuer = self._load()
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        end = min(now + CERTIFICATE_LIFE, issuer.not_valid_after_utc)
        certificate = (
            _builder(names[0], issuer.subject, key, now, end)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(x509.ExtendedKeyUsage(USES), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
            )
            .sign(issuer_key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        mode = 0o640 if is_group_readable else 0o600
        _write(folder / "ca.crt", _pem(issuer), 0o644)
        _write(folder / "tls.key", _private_pem(key), mode)
        _write(folder / "tls.crt", _pem(certificate), 0o644)
        _write(folder / "tls-combined.pem", _private_pem(key) + _pem(certificate), mode)
        return end

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        if not self._certificate_file.exists():
            self._create()
        key = serialization.load_pem_private_key(self._key_file.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, x509.load_pem_x509_certificate(self._certificate_file.read_bytes())

    def _create(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kieng trial authority")])
        may_sign = x509.KeyUsage(*(False,) * 5, True, True, False, False)
        certificate = (
            _builder("Kieng trial authority", name, key, now, now + AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
            .add_extension(may_sign, True)
            .sign(key, hashes.SHA256())
        )
        self._key_file.parent.mkdir(parents=True, exist_ok=True)
        _write(self._key_file, _private_pem(key), 0o600)
        _write(self._certificate_file, _pem(certificate), 0o644)


def _builder(
    name: str,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        is_urn = name.startswith("urn:")
        return x509.UniformResourceIdentifier(name) if is_urn else x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    # Renamed into place, so that no process reads an incomplete file, and others never a key.
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    draft.touch(mode=mode & 0o600)
    draft.write_bytes(content)
    # Also where the process's mask would take the group's right away.
    draft.chmod(mode)
    draft.replace(path)
