"""Sessions: who is signed in, kept in an encrypted cookie and nowhere else."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import jwt
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.kernel.access import Issuers
from services.kernel.errors import InvalidArgument
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
    """One browser. Without a token it is that of a guest, and only guards forms.

    When a session ends, its browser remains known as that of ``subject``, without any right: so a
    form that was being written is distinguished from one that another site sends.
    """

    guest: str
    """Random name of the browser."""
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
    refresh_token: str = ""
    """What brings the next token from the institution's provider; empty without one."""
    name: str = ""
    """How the provider calls the person; empty if it does not say."""
    is_by_provider: bool = False
    """Whether the institution's provider signed the person in."""
    sealed_at: float = field(default=0.0, compare=False)

    @classmethod
    def fresh(cls) -> Self:
        """Return the session of a guest."""
        return cls(secrets.token_urlsafe(24), time.time())

    @property
    def holder(self) -> str:
        """Whose forms are genuine here: of those signed in the subject, of guests the browser."""
        return f"{self.institution_id}\n{self.subject}" if self.subject else self.guest

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
        """Return the session of a request, fresh if there is none; without a token if it ended."""
        sealed = cookies.get(self.name, "")
        content = self.unseal("session", sealed, HOURS_MAX * 3600)
        try:
            session = Session(**{**content, "roles": tuple(content["roles"])})
            made_at = float(self._box.extract_timestamp(sealed.encode()))
        except (InvalidToken, ValueError, TypeError, KeyError):
            return Session.fresh()
        ends = min(made_at + self._idle_seconds, session.began_at + HOURS_MAX * 3600)
        if time.time() > ends:
            session = replace(session, token="", refresh_token="")
        return replace(session, sealed_at=made_at)

    def seal(self, purpose: str, content: Any) -> str:
        """Return content encrypted and authenticated, for this purpose only."""
        text = json.dumps([purpose, content], separators=(",", ":"))
        return self._box.encrypt(text.encode()).decode()

    def unseal(self, purpose: str, sealed: str, seconds: int) -> Any:
        """Return what was sealed for this purpose in the last seconds, else an empty mapping."""
        try:
            content = json.loads(self._box.decrypt(sealed.encode("ascii", "replace"), ttl=seconds))
        except (InvalidToken, ValueError):
            return {}
        return content[1] if content[0] == purpose else {}

    def is_due(self, session: Session) -> bool:
        """Return True if the browser should get a new cookie."""
        return time.time() > session.sealed_at + RENEW_SECONDS

    def cookie(self, session: Session) -> str:
        """Return the `Set-Cookie` header that keeps a session.

        Raises:
            InvalidArgument: the token is too long for a cookie. The issuer's fault.
        """
        content = {key: value for key, value in asdict(session).items() if key != "sealed_at"}
        sealed = self.seal("session", content)
        if len(sealed) > COOKIE_MAX:
            raise InvalidArgument(
                "the token is too long for a session: its issuer has to put less into it",
                fields={"token": f"at most about {COOKIE_MAX * 3 // 4} bytes"},
            )
        # It outlives the session, so that a form sent too late is known and nothing of it is lost.
        return self.header(self.name, sealed, HOURS_MAX * 3600)

    def ended(self) -> str:
        """Return the `Set-Cookie` header that removes the cookie."""
        return self.header(self.name, "", 0)

    def header(self, name: str, value: str, seconds: int) -> str:
        """Return the `Set-Cookie` header of a cookie that scripts and other sites do not get."""
        secure = "; Secure" if self.is_secure else ""
        return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def admitted(session: Session, issuers: Issuers, token: str) -> Session:
    """Return a session with a token, and with what the token says of its holder.

    Args:
        session: what remains the same.
        issuers: decide whether the token holds.
        token: the token.

    Raises:
        Unauthenticated: the token does not hold.
    """
    principal = issuers.principal(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    return replace(
        session,
        token=token,
        expires_at=float(claims["exp"]),
        subject=principal.subject,
        institution_id=principal.institution_id,
        unit_id=principal.unit_id,
        roles=tuple(sorted(principal.roles)),
        sealed_at=0.0,
    )


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
