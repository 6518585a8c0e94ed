"""Authentication: tokens, their issuers, and the principal that a token proves.

The table of issuers is a JSON file, one issuer per institution:

    {"issuers": [{"issuer": "https://id.example.vn", "institution_id": "a", "algorithms": ["EdDSA"],
                  "keys": {"<kid>": "<public key, PEM>"}}]}

The institution of a caller is that of the issuer whose key signed the token, and nothing else.

A service that calls another one signs a token of its own around that of its caller (ADR 0033); the
same file names the keys of such services:

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

from services.kernel.errors import Unauthenticated
from services.policy.principal import Principal

__all__ = ["AUDIENCE", "TOKEN_SECONDS_MAX", "Issuers", "Principal"]

AUDIENCE = "kieng"
"""Audience of tokens that hold for every service which accepts it; see `KernelSettings`."""
TOKEN_SECONDS_MAX = 900
SERVICE_TOKEN_SECONDS_MAX = 60
CLOCK_SKEW_SECONDS = 60
REQUIRED: Any = {"require": ["exp", "iat", "sub", "iss", "aud"]}
TEXT_MAX = 200
VERIFIED_MAX = 4096
"""Verified tokens that are remembered, so that a signature is checked once in a process."""
ALGORITHMS = frozenset({"EdDSA", "ES256", "RS256"})


def _principal_of(claims: Mapping[str, Any], institution_id: str) -> Principal:
    """Return the principal of verified claims; raises Unauthenticated if one is malformed."""
    for name in ("exp", "iat", "nbf"):
        # PyJWT takes a number in a text, too.
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


def audience_of(service: str) -> str:
    """Return the audience of one service alone, whichever of its processes is meant."""
    return f"{AUDIENCE}.{service.partition('.')[0]}"


def issuer_of(service: str) -> str:
    """Return the issuer of the tokens that a service signs."""
    return f"urn:kieng:service:{service.partition('.')[0]}"


@dataclass(frozen=True, slots=True)
class Table:
    """The table of issuers: those of institutions, and services, both by name of the issuer."""

    issuers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @staticmethod
    def of(document: Mapping[str, Any]) -> Table:
        """Return the table of a file's content."""
        issuers = {entry["issuer"]: entry for entry in document["issuers"]}
        services = {issuer_of(each["service"]): each for each in document.get("services", ())}
        return Table(issuers, services)


class Issuers:
    """The accepted token issuers; their file is read again when it changes. Thread-safe.

    Args:
        path: file with the table of issuers.
        audiences: a token has to name one of them.
    """

    def __init__(self, path: Path, audiences: Collection[str] = (AUDIENCE,)) -> None:
        self._path = path
        self._audiences = frozenset(audiences)
        self._lock = threading.Lock()
        self._stamp = -1
        self._known = Table()
        self._verified: dict[str, tuple[Principal, float, object]] = {}

    def known(self, token: str) -> Principal | None:
        """Return the principal of a token that was verified before and still holds; else None."""
        found = self._verified.get(token)
        if found is None or found[2] is not self._table():
            return None
        return found[0] if time.time() < found[1] else None

    def principal(self, token: str) -> Principal:
        """Return the principal of a valid token, or of the caller in a valid token of a service.

        Raises:
            Unauthenticated: the token is malformed, expired, too long-lived, for another service,
                of an unknown issuer or key, or signed by another key. The message names no valid
                key.
        """
        try:
            table = self._table()
            service, until, inner = "", float("inf"), token
            audiences = self._audiences
            if (entry := table.services.get(_issuer_named(token))) is not None:
                outer = _claims(token, entry, ["EdDSA"], audiences)
                service, inner = str(entry["service"]), outer["caller"]
                # From when it was made: that it says to hold longer makes it hold no longer.
                until = min(float(outer["exp"]), float(outer["iat"]) + SERVICE_TOKEN_SECONDS_MAX)
                # What it was sent was for that service, not for this one.
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
                document = json.loads(self._path.read_text()) if stamp else {"issuers": []}
                self._known, self._stamp = Table.of(document), stamp
            return self._known


def _issuer_named(token: str) -> Any:
    """Return the issuer that a token names, unverified."""
    return jwt.decode(token, options={"verify_signature": False})["iss"]


def _claims(
    token: str, entry: Mapping[str, Any], algorithms: list[str], audiences: Collection[str]
) -> dict[str, Any]:
    """Return the claims of a token that an entry's key has signed."""
    kid = jwt.get_unverified_header(token).get("kid")
    issuer = _issuer_named(token)
    held: Any = {"audience": audiences, "issuer": issuer, "leeway": CLOCK_SKEW_SECONDS}
    return jwt.decode(token, entry["keys"][kid], algorithms, REQUIRED, **held)
