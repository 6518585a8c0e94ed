"""The local issuer of a trial: holds a key for each institution and signs tokens with it.

Not for production, where every institution runs its own issuer and shares its key with no one.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.cli.errors import USAGE, Failure
from services.policy.audiences import TOKEN_SECONDS_MAX, audience_of
from services.policy.key_ids import key_id, public_pem

SERVICES = ("submissions", "partners", "kpi", "notifications")
"""Names of the services that answer gRPC calls, for which tokens can be made."""
CALLING = "submissions"
"""The service that calls other services in the name of its own callers."""


class LocalIssuer:
    """Makes tokens with the keys in a folder.

    Args:
        folder: contains the key `<institution id>.pem` of each institution, mode 0600.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(
        self, institutions: Sequence[str], table: Path, service_key: Path | None = None
    ) -> None:
        """Create the missing keys, and write the table of issuers that the services trust.

        Existing keys are kept, so tokens that they signed stay valid.

        Args:
            institutions: ids of the institutions that get a key, and an entry in the table.
            table: file to write or replace.
            service_key: file with the key of `CALLING`, created if it is missing; if None, the
                table contains no key of a service.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for institution in institutions:
            path = self._path(institution)
            write_key(path)
        issuers = [self._entry(institution) for institution in institutions]
        document: dict[str, object] = {"issuers": issuers}
        if service_key is not None:
            write_key(service_key)
            public = read_key(service_key).public_key()
            keys = {key_id(public): public_pem(public)}
            document["services"] = [{"service": CALLING, "keys": keys}]
        draft = table.with_suffix(".tmp")
        draft.write_text(json.dumps(document, indent=2) + "\n")
        draft.replace(table)

    def institutions(self) -> list[str]:
        """Return the sorted ids of the institutions that have a key here."""
        return sorted(path.stem for path in self._folder.glob("*.pem"))

    def mint(
        self,
        institution: str,
        subject: str,
        roles: Sequence[str],
        unit: str,
        seconds: int,
        services: Sequence[str] = SERVICES,
    ) -> str:
        """Return a token that the services of this stack accept.

        Args:
            institution: id of the institution whose key signs.
            subject: subject of the token.
            roles: lower-case names of roles, e.g. `approver`.
            unit: id of the unit for which, with those below it, the roles hold; empty for the
                whole institution.
            seconds: lifetime in seconds, at most 900.
            services: names of the services that accept the token.

        Raises:
            Failure: the institution has no key here, the lifetime is too long, or the unit
                belongs to another institution.
        """
        if not 0 < seconds <= TOKEN_SECONDS_MAX:
            raise Failure(f"a token holds at most {TOKEN_SECONDS_MAX // 60} minutes", USAGE)
        if not self._path(institution).exists():
            known = ", ".join(self.institutions()) or "none"
            raise Failure(f"the local issuer has no institution {institution!r}; it has {known}")
        if unit and unit.partition("/")[0] != institution:
            raise Failure(f"{unit!r} is no unit of {institution}; write it like {institution}/abc")
        now = int(time.time())
        claims = {
            "iss": _issuer(institution),
            "aud": [audience_of(service) for service in services],
            "sub": subject,
            "iat": now,
            "exp": now + seconds,
            "roles": list(roles),
            **({"unit": unit} if unit else {}),
        }
        key = read_key(self._path(institution))
        headers = {"alg": "EdDSA", "typ": "JWT", "kid": key_id(key.public_key())}
        # Written out, because every command would spend a tenth of its time on importing PyJWT,
        # by which the services check what is signed here.
        signed = b".".join(_encoded(json.dumps(part).encode()) for part in (headers, claims))
        return b".".join((signed, _encoded(key.sign(signed)))).decode()

    def _path(self, institution: str) -> Path:
        return self._folder / f"{institution}.pem"

    def _entry(self, institution: str) -> dict[str, object]:
        public = read_key(self._path(institution)).public_key()
        return {
            "issuer": _issuer(institution),
            "institution_id": institution,
            "algorithms": ["EdDSA"],
            "keys": {key_id(public): public_pem(public)},
        }


def _encoded(content: bytes) -> bytes:
    """Return content as base64url without padding (RFC 7515)."""
    return urlsafe_b64encode(content).rstrip(b"=")


def _issuer(institution: str) -> str:
    return f"urn:kieng:local:{institution}"


def write_key(path: Path) -> None:
    """Create a file with a new Ed25519 key that only its owner may read, unless it exists."""
    if path.exists():
        return
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # The file must never be readable by others, not even for a moment.
    path.touch(mode=0o600)
    path.write_bytes(pem)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key in a file that `write_key` wrote.

    Raises:
        Failure: the file does not hold an unencrypted Ed25519 private key; the message names the
            file but not its content.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise Failure(f"the key {path} cannot be read: {error.strerror}", USAGE) from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        text = f"{path} is not an Ed25519 private key as PEM without a password"
        raise Failure(f"{text}: restore it, or move it away and a new one is made", USAGE)
    return key
