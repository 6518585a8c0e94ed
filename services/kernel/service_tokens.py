"""The credential of a service for calls to other services: its signature around a caller's token.

The called service then knows both who calls and for whom. A caller's token alone is valid only at
the service for which it was issued, and a service's key alone gives access to nothing (ADR 0033).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.kernel.access import SERVICE_TOKEN_SECONDS_MAX, audience_of, issuer_of
from services.policy.key_ids import key_id

REUSED_SECONDS = 30.0
"""Age up to which a token is reused; it is replaced long before it expires."""
KEPT_MAX = 1024


class ServiceTokens:
    """Makes the tokens with which one service calls another one. Thread-safe.

    Args:
        service: name of the service that calls.
        called: name of the service that is called.
        key: private key of the calling service, PEM; empty to pass callers' tokens on unchanged.

    Raises:
        ValueError: the key is not an unencrypted Ed25519 private key.
    """

    def __init__(self, service: str, called: str, key: str) -> None:
        self._service, self._called = service, called
        self._key = read_service_key(key) if key else None
        self._lock = threading.Lock()
        self._made: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def around(self, token: str) -> str:
        """Return the token with which to call the other service on behalf of a caller.

        Args:
            token: the caller's token, which is wrapped, or returned unchanged without a key.
        """
        if self._key is None:
            return token
        now = time.time()
        with self._lock:
            made, at = self._made.get(token, ("", 0.0))
            if not made or now - at > REUSED_SECONDS:
                made = self._sign(self._key, token, int(now))
                self._made[token] = made, now
                self._made.move_to_end(token)
                while len(self._made) > KEPT_MAX:
                    self._made.popitem(last=False)
            return made

    def _sign(self, key: Ed25519PrivateKey, token: str, now: int) -> str:
        claims = {
            "iss": issuer_of(self._service),
            "sub": self._service,
            "aud": audience_of(self._called),
            "iat": now,
            "exp": now + SERVICE_TOKEN_SECONDS_MAX,
            "caller": token,
        }
        headers = {"kid": key_id(key.public_key())}
        return jwt.encode(claims, key, algorithm="EdDSA", headers=headers)


def read_service_key(pem: str) -> Ed25519PrivateKey:
    """Return the private key in a PEM text.

    Raises:
        ValueError: the text is not an unencrypted Ed25519 private key in PEM.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError("is not an Ed25519 private key as PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("is not an Ed25519 private key as PEM without a password")
    return key
