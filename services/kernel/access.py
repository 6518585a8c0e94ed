"""Authentication: tokens, their issuers, and the principal that a token identifies.

The table of issuers is a JSON file with one issuer per institution:

    {"issuers": [{"issuer": "https://id.example.vn", "institution_id": "a", "algorithms": ["EdDSA"],
                  "keys": {"<kid>": "<public key, PEM>"}}]}

A caller belongs to the institution whose issuer signed the token; nothing else decides this.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt

from services.kernel.errors import Unauthenticated
from services.policy.principal import Principal

__all__ = ["AUDIENCE", "TOKEN_SECONDS_MAX", "Issuers", "Principal"]

AUDIENCE = "kieng"
TOKEN_SECONDS_MAX = 900
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


class Issuers:
    """The accepted token issuers. Their file is read again whenever it changes. Thread-safe.

    Args:
        path: file with the table of issuers; while it does not exist, no token is accepted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = -1
        self._issuers: dict[str, dict[str, Any]] = {}
        self._verified: dict[str, tuple[Principal, float, object]] = {}

    def known(self, token: str) -> Principal | None:
        """Return the principal of a token that was verified before and is still valid, else None.

        Verifies no signature, so that grpcio's serving thread may call it.
        """
        found = self._verified.get(token)
        if found is None or found[2] is not self._table():
            return None
        return found[0] if time.time() < found[1] else None

    def principal(self, token: str) -> Principal:
        """Verify a token and return its principal.

        Raises:
            Unauthenticated: the token is malformed or expired, its lifetime is too long, or its
                issuer, key or signature is not accepted. The message reveals no accepted key.
        """
        try:
            table = self._table()
            kid = jwt.get_unverified_header(token).get("kid")
            unverified = jwt.decode(token, options={"verify_signature": False})
            entry = table[unverified["iss"]]
            allowed = [name for name in entry["algorithms"] if name in ALGORITHMS]
            held = {"audience": AUDIENCE, "issuer": unverified["iss"], "leeway": CLOCK_SKEW_SECONDS}
            claims = jwt.decode(token, entry["keys"][kid], allowed, REQUIRED, **held)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired; get a new one") from None
        except (
            jwt.PyJWTError,
            ArithmeticError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ):
            raise Unauthenticated("the token does not hold; ask your institution") from None
        principal = _principal_of(claims, entry["institution_id"])
        if len(self._verified) >= VERIFIED_MAX:
            self._verified.clear()
        self._verified[token] = principal, claims["exp"] + CLOCK_SKEW_SECONDS, table
        return principal

    def _table(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            stamp = self._path.stat().st_mtime_ns if self._path.exists() else 0
            if stamp != self._stamp:
                listed = json.loads(self._path.read_text())["issuers"] if stamp else []
                self._issuers, self._stamp = {entry["issuer"]: entry for entry in listed}, stamp
            return self._issuers
