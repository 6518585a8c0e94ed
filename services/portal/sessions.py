"""Sessions: who is signed in, kept in an encrypted cookie and nowhere else."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.portal.config import Settings
from services.portal.trial import is_loopback

HOURS_MAX = 10
"""Time after which a session ends, used or not."""
RENEW_SECONDS = 120
"""Age from which a cookie is replaced by a younger one."""
KEY_BYTES = 32
COOKIE_MAX = 3900
"""Browsers keep cookies up to 4,096 bytes with their name and attributes."""


@dataclass(frozen=True, slots=True)
class Session:
    """One browser. Without a token it is that of a guest, and only guards forms."""

    csrf: str
    began_at: float
    token: str = ""
    expires_at: float = 0.0
    """When the token ends."""
    subject: str = ""
    institution_id: str = ""
    unit_id: str = ""
    roles: tuple[str, ...] = ()
    is_trial: bool = False
    """Whether the local issuer made the token, so that it makes the next one, too."""
    sealed_at: float = field(default=0.0, compare=False)

    @classmethod
    def fresh(cls) -> Self:
        """Return the session of a guest."""
        return cls(secrets.token_urlsafe(24), time.time())

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a token that has not ended."""
        return bool(self.token) and time.time() < self.expires_at

    def may(self, *roles: str) -> bool:
        """Return True if the caller has one of these roles; pages hide what would be refused."""
        return self.is_signed_in and not set(roles).isdisjoint(self.roles)


class Sessions:
    """Makes cookies of sessions, and sessions of cookies.

    Args:
        settings: keys, and whether pages are on loopback, where the cookie may be sent unencrypted.
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.session_key.get_secret_value()
        keys = [key.strip() for key in given.split(",")] if given else [Fernet.generate_key()]
        self._box = MultiFernet([Fernet(key) for key in keys])
        self._idle_seconds = settings.session_minutes * 60
        self.is_secure = not is_loopback(settings.host)
        self.name = "__Host-kieng" if self.is_secure else "kieng"

    def read(self, cookies: Mapping[str, str]) -> Session:
        """Return the session of a request; a fresh one if there is none that holds."""
        sealed = cookies.get(self.name, "").encode("ascii", "replace")
        try:
            content = json.loads(self._box.decrypt(sealed, ttl=self._idle_seconds))
            made_at = float(self._box.extract_timestamp(sealed))
            session = Session(**{**content, "roles": tuple(content["roles"])})
        except (InvalidToken, ValueError, TypeError, KeyError):
            return Session.fresh()
        if time.time() > session.began_at + HOURS_MAX * 3600:
            return Session.fresh()
        return replace(session, sealed_at=made_at)

    def is_due(self, session: Session) -> bool:
        """Return True if the browser should get a new cookie."""
        return time.time() > session.sealed_at + RENEW_SECONDS

    def cookie(self, session: Session) -> str:
        """Return the `Set-Cookie` header that keeps a session.

        Raises:
            ValueError: the token is too long for a cookie.
        """
        content = {key: value for key, value in asdict(session).items() if key != "sealed_at"}
        sealed = self._box.encrypt(json.dumps(content, separators=(",", ":")).encode()).decode()
        if len(sealed) > COOKIE_MAX:
            raise ValueError("the token is too long for a session")
        return self._header(sealed, self._idle_seconds)

    def ended(self) -> str:
        """Return the `Set-Cookie` header that removes the cookie."""
        return self._header("", 0)

    def _header(self, value: str, seconds: int) -> str:
        secure = "; Secure" if self.is_secure else ""
        return f"{self.name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def mistakes(settings: Settings) -> list[str]:
    """Return what is wrong with the keys of sessions; empty if nothing is."""
    found = []
    given = settings.session_key.get_secret_value()
    if not given and not is_loopback(settings.host):
        found.append("KIENG_SESSION_KEY: needed beyond loopback, the same for all replicas")
    for key in filter(None, given.split(",")):
        try:
            is_key = len(base64.urlsafe_b64decode(key.strip())) == KEY_BYTES
        except ValueError:
            is_key = False
        if not is_key:
            found.append(f"KIENG_SESSION_KEY: {KEY_BYTES} bytes in base64url, joined by commas")
    return found
