"""Authentication: tokens, their issuers, and the principal that a token identifies.

The table of issuers is a JSON file with one issuer per institution:

    {"issuers": [{"issuer": "https://id.example.vn", "institution_id": "a", "algorithms": ["EdDSA"],
                  "keys": {"<kid>": "<public key, PEM>"}}]}

A caller belongs to the institution whose issuer signed the token; nothing else decides this.

A service that calls another one wraps its caller's token in a token that it signs itself (ADR
0033). The same file contains the keys of such services:

    {"services": [{"service": "<its name>", "keys": {"<kid>": "<public key, PEM>"}}]}
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jwt
import structlog

from services.kernel.errors import Unauthenticated
from services.policy.audiences import AUDIENCE, TOKEN_SECONDS_MAX, audience_of
from services.policy.principal import Principal

__all__ = ["AUDIENCE", "TOKEN_SECONDS_MAX", "Issuers", "Principal", "audience_of"]

log = structlog.get_logger()

SERVICE_TOKEN_SECONDS_MAX = 60
CLOCK_SKEW_SECONDS = 60
REQUIRED: Any = {"require": ["exp", "iat", "sub", "iss", "aud"]}
TEXT_MAX = 200
VERIFIED_MAX = 4096
"""Maximum number of verified tokens to remember, so that each signature is checked only once."""
ALGORITHMS = frozenset({"EdDSA", "ES256", "RS256"})


def _principal_of(claims: Mapping[str, Any], institution_id: str) -> Principal:
    """Return the principal of verified claims; raises Unauthenticated if one is malformed.

    Args:
        claims: claims of a token whose signature is valid.
        institution_id: institution of the token's issuer.
    """
    for name in ("exp", "iat", "nbf"):
        # PyJWT also accepts numbers written as strings.
        if type(claims.get(name, 0)) not in (int, float):
            raise Unauthenticated(f"the token's `{name}` has to be a number")
    if claims["exp"] - claims["iat"] > TOKEN_SECONDS_MAX:
        raise Unauthenticated(f"the token lives longer than {TOKEN_SECONDS_MAX} seconds")
    unit_id, roles = claims.get("unit", ""), claims.get("roles")
    unit_id = institution_id if unit_id in ("", None) else unit_id
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise Unauthenticated("the token needs `roles`, a list of texts")
    for name, text in (("sub", claims["sub"]), ("unit", unit_id)):
        if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) <= TEXT_MAX:
            at_most = f"a text of 1 to {TEXT_MAX} printable characters"
            raise Unauthenticated(f"the token's `{name}` has to be {at_most}")
    if unit_id != institution_id and not unit_id.startswith(institution_id + "/"):
        raise Unauthenticated("the token names a unit of another institution")
    return Principal(claims["sub"], institution_id, unit_id, frozenset(roles))


def issuer_of(service: str) -> str:
    """Return the issuer (`iss`) of the tokens that a service signs: `urn:kieng:service:NAME`.

    It is the same for all processes of a service. Whether there is such a service is not checked.
    """
    return f"urn:kieng:service:{service.partition('.')[0]}"


@dataclass(frozen=True, slots=True)
class Table:
    """The table of issuers, as read from its file.

    Args:
        issuers: issuer -> its entry, for issuers of institutions.
        services: issuer -> its entry, for services that sign tokens.
    """

    issuers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @staticmethod
    def of(document: Mapping[str, Any]) -> Table:
        """Return the table of issuers in the decoded JSON of its file, whose form the module shows.

        Args:
            document: the whole content; ``services`` may be absent. Any other missing key is a
                KeyError.
        """
        issuers = {entry["issuer"]: entry for entry in document["issuers"]}
        services = {issuer_of(each["service"]): each for each in document.get("services", ())}
        return Table(issuers, services)


class Issuers:
    """The accepted token issuers. Their file is read again whenever it changes. Thread-safe.

    A file that is unusable, e.g. while it is being written, changes nothing and is logged.

    Args:
        path: JSON file with the table of issuers, see the module; while it does not exist, no token
            is accepted.
        audiences: accepted audiences, of which a token must name at least one.
    """

    def __init__(self, path: Path, audiences: Collection[str]) -> None:
        self._path = path
        self._audiences = frozenset(audiences)
        self._lock = threading.Lock()
        self._stamp = -1
        self._known = Table()
        self._verified: dict[str, tuple[Principal, float, object]] = {}

    def known(self, token: str) -> Principal | None:
        """Return the principal of a token that `principal` verified before, if it is still valid.

        Return None if the token is not remembered, has expired, or was verified before the file
        changed. Verifies no signature, so that grpcio's serving thread may call it.
        """
        found = self._verified.get(token)
        if found is None or found[2] is not self._table():
            return None
        return found[0] if time.time() < found[1] else None

    def principal(self, token: str) -> Principal:
        """Verify a token and return its principal: the caller with institution, unit and roles.

        For a token that a service made, return the principal of the caller's token wrapped in it;
        its ``via`` names that service.

        Raises:
            Unauthenticated: the token is malformed, expired or for another service, its lifetime is
                too long, or its issuer, key or signature is not accepted. The message reveals no
                accepted key.
        """
        try:
            table = self._table()
            service, until, inner = "", float("inf"), token
            audiences = self._audiences
            if (entry := table.services.get(_issuer_named(token))) is not None:
                outer = _claims(token, entry, ["EdDSA"], audiences)
                service, inner = str(entry["service"]), outer["caller"]
                # Limited from when it was issued, whatever expiry it states.
                until = min(float(outer["exp"]), float(outer["iat"]) + SERVICE_TOKEN_SECONDS_MAX)
                # The caller sent this token to that service, so it may be valid there only.
                audiences = audiences | {audience_of(service)}
                if time.time() >= until + CLOCK_SKEW_SECONDS:
                    raise jwt.ExpiredSignatureError
            entry = table.issuers[_issuer_named(inner)]
            allowed = [name for name in entry["algorithms"] if name in ALGORITHMS]
            claims = _claims(inner, entry, allowed, audiences)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired; get a new one") from None
        except jwt.InvalidAudienceError:
            wanted = " or ".join(sorted(audiences))
            text = f"the token does not hold here: its `aud` has to name {wanted}"
            raise Unauthenticated(text) from None
        except (
            jwt.PyJWTError,
            ArithmeticError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ):
            raise Unauthenticated("the token does not hold; ask your institution") from None
        principal = replace(_principal_of(claims, entry["institution_id"]), via=service)
        if len(self._verified) >= VERIFIED_MAX:
            self._verified.clear()
        until = min(until, claims["exp"]) + CLOCK_SKEW_SECONDS
        self._verified[token] = principal, until, table
        return principal

    def _table(self) -> Table:
        with self._lock:
            stamp = self._path.stat().st_mtime_ns if self._path.exists() else 0
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    document = json.loads(self._path.read_bytes()) if stamp else {"issuers": []}
                    self._known = Table.of(document)
                except (OSError, ValueError, TypeError, LookupError) as error:
                    reason = f"{type(error).__name__}: {error}"
                    log.error("the table of issuers is unusable; the last one holds", reason=reason)
            return self._known


def _issuer_named(token: str) -> Any:
    """Return the issuer that a token names, without verifying it."""
    return jwt.decode(token, options={"verify_signature": False})["iss"]


def _claims(
    token: str, entry: Mapping[str, Any], algorithms: list[str], audiences: Collection[str]
) -> dict[str, Any]:
    """Verify a token with the keys of an issuer's entry, and return its claims.

    Args:
        token: the token.
        entry: entry of the issuer in the table.
        algorithms: accepted signature algorithms.
        audiences: accepted audiences.
    """
    kid = jwt.get_unverified_header(token).get("kid")
    issuer = _issuer_named(token)
    held: Any = {"audience": audiences, "issuer": issuer, "leeway": CLOCK_SKEW_SECONDS}
    return jwt.decode(token, entry["keys"][kid], algorithms, REQUIRED, **held)
