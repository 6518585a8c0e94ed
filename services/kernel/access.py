"""Authentication: tokens, their issuers, and the principal that a token proves.

The table of issuers is a JSON file, one issuer per institution:

    {"issuers": [{"issuer": "https://id.example.vn", "institution_id": "a", "algorithms": ["EdDSA"],
                  "keys": {"<kid>": "<public key, PEM>"}}]}

The institution of a caller is that of the issuer whose key signed the token, and nothing else.
"""

from __future__ import annotations

import json
import threading
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
ALGORITHMS = frozenset({"EdDSA", "ES256", "RS256"})


class Issuers:
    """The accepted token issuers; their file is read again when it changes. Thread-safe.

    Args:
        path: file with the table of issuers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = -1
        self._issuers: dict[str, dict[str, Any]] = {}

    def principal(self, token: str) -> Principal:
        """Return the principal of a valid token.

        Raises:
            Unauthenticated: the token is malformed, expired, too long-lived, of an unknown issuer
                or key, or signed by another key. The message names no valid key.
        """
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            unverified = jwt.decode(token, options={"verify_signature": False})
            entry = self._table()[unverified["iss"]]
            allowed = [name for name in entry["algorithms"] if name in ALGORITHMS]
            held = {"audience": AUDIENCE, "issuer": unverified["iss"], "leeway": CLOCK_SKEW_SECONDS}
            claims = jwt.decode(token, entry["keys"][kid], allowed, REQUIRED, **held)
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired; get a new one") from None
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise Unauthenticated("the token does not hold; ask your institution") from None
        if claims["exp"] - claims["iat"] > TOKEN_SECONDS_MAX:
            raise Unauthenticated(f"the token lives longer than {TOKEN_SECONDS_MAX} seconds")
        institution_id, roles = entry["institution_id"], claims.get("roles")
        unit_id = claims.get("unit") or institution_id
        if not isinstance(unit_id, str) or not isinstance(roles, list):
            raise Unauthenticated("the token needs `roles`, a list, and `unit`, a text, if any")
        if unit_id != institution_id and not unit_id.startswith(institution_id + "/"):
            raise Unauthenticated("the token names a unit of another institution")
        return Principal(str(claims["sub"]), institution_id, unit_id, frozenset(map(str, roles)))

    def _table(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            stamp = self._path.stat().st_mtime_ns if self._path.exists() else 0
            if stamp != self._stamp:
                listed = json.loads(self._path.read_text())["issuers"] if stamp else []
                self._issuers, self._stamp = {entry["issuer"]: entry for entry in listed}, stamp
            return self._issuers
