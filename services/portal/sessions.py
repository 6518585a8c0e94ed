"""Sessions: who is signed in. A session is stored only in an encrypted cookie."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import jwt
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.kernel.access import Issuers
from services.kernel.errors import InvalidArgument
from services.kernel.plain_text import is_loopback
from services.portal.config import Settings

HOURS_MAX = 10
"""Hours after which a session ends even if it is in use."""
RENEW_SECONDS = 120
"""Age from which a cookie is replaced, which postpones the end of an idle session."""
FORM_SECONDS = 300.0
"""How long the forms of a user get the same token."""
HOLDERS_MAX = 1_000
"""Number of users whose form tokens are kept."""
KEY_BYTES = 32
COOKIE_MAX = 3900
"""Most characters of a sealed session: browsers limit a cookie with attributes to 4,096 bytes."""


@dataclass(frozen=True, slots=True)
class Session:
    """The session of one browser; without a token it is a guest's, and only protects forms.

    After its end, a session keeps its ``subject`` but has no rights. This distinguishes a form that
    its user was still filling in from one that another site sends.
    """

    guest: str
    """Random name of the browser."""
    began_at: float
    """Unix time of the sign-in, or of a guest's first request."""
    token: str = ""
    """Token with which the services are called; empty for guests and after the end."""
    expires_at: float = 0.0
    """Unix time at which the token expires."""
    subject: str = ""
    """Who is signed in, as the token names them; this and the next three are empty for guests."""
    institution_id: str = ""
    unit_id: str = ""
    """Top of the subtree in which the roles apply."""
    roles: tuple[str, ...] = ()
    """Names in lower case, sorted."""
    is_trial: bool = False
    """Whether the token is from the local issuer of a trial, which then also renews it."""
    refresh_token: str = ""
    """What the institution's provider exchanges for a new ``token``; empty if it gave none."""
    name: str = ""
    """Display name of the person, from the provider; empty if the provider gave none."""
    is_by_provider: bool = False
    """Whether the person signed in at the institution's provider."""
    sealed_at: float = field(default=0.0, compare=False)
    """Unix time at which the cookie was made; 0 if the session has to be stored anew."""

    @classmethod
    def fresh(cls) -> Self:
        """Return a new session of a guest, with a random name, which begins now."""
        return cls(secrets.token_urlsafe(24), time.time())

    @property
    def holder(self) -> str:
        """Key of the user whose forms this session accepts: the subject, or a guest's browser."""
        return f"{self.institution_id}\n{self.subject}" if self.subject else self.guest

    @property
    def is_signed_in(self) -> bool:
        """Whether the session has a token that has not expired."""
        return bool(self.token) and time.time() < self.expires_at

    def may(self, *roles: str) -> bool:
        """Return True if the user is signed in and has at least one of these roles.

        Pages use it to hide what the services would refuse; it protects nothing.
        """
        return self.is_signed_in and not set(roles).isdisjoint(self.roles)


class Sessions:
    """Encrypts sessions into cookies, and decrypts them.

    Args:
        settings: keys and durations, and the host: only on loopback may browsers send the cookie
            without HTTPS.
    """

    def __init__(self, settings: Settings) -> None:
        given = settings.session_key.get_secret_value()
        keys = [key.strip() for key in given.split(",")] if given else [Fernet.generate_key()]
        self._box = MultiFernet([Fernet(key) for key in keys])
        self._form_tokens: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._idle_seconds = settings.session_minutes * 60
        self.is_secure = not is_loopback(settings.host)
        self.name = "__Host-kieng" if self.is_secure else "kieng"

    def read(self, cookies: Mapping[str, str]) -> Session:
        """Return the session in the cookies of a request.

        It is that of a new guest if there is no cookie or it is not valid. If the session has
        ended, it has neither token nor refresh token, but still its subject.

        Args:
            cookies: name -> value.
        """
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
        """Return content as encrypted and authenticated text, which `unseal` reads.

        Args:
            purpose: any name, e.g. `form`; it has to be the same for `unseal`.
            content: what `json` can encode.
        """
        text = json.dumps([purpose, content], separators=(",", ":"))
        return self._box.encrypt(text.encode()).decode()

    def form_token(self, holder: str) -> str:
        """Return the token for the forms of a user; the same one for up to `FORM_SECONDS`."""
        token, until = self._form_tokens.get(holder, ("", 0.0))
        if time.monotonic() > until:
            token = self.seal("form", {"holder": holder})
            self._form_tokens[holder] = token, time.monotonic() + FORM_SECONDS
            if len(self._form_tokens) > HOLDERS_MAX:
                self._form_tokens.popitem(last=False)
        return token

    def unseal(self, purpose: str, sealed: str, seconds: int) -> Any:
        """Return the content of a sealed text; an empty mapping if the text is not valid.

        It is not valid if it was changed, was sealed for another purpose or with an unknown key, or
        is too old.

        Args:
            purpose: the purpose for which it was sealed.
            sealed: the sealed text, as the browser sent it.
            seconds: maximum age.
        """
        try:
            content = json.loads(self._box.decrypt(sealed.encode("ascii", "replace"), ttl=seconds))
        except (InvalidToken, ValueError):
            return {}
        return content[1] if content[0] == purpose else {}

    def is_due(self, session: Session) -> bool:
        """Return True if the browser should get a new cookie.

        It has none yet, its present one is more than two minutes old, or the session has changed
        since.
        """
        return time.time() > session.sealed_at + RENEW_SECONDS

    def cookie(self, session: Session) -> str:
        """Return the value of the `Set-Cookie` header that stores a session in the browser.

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
        # The cookie outlives the session, so that a form that is sent too late is recognised.
        return self.header(self.name, sealed, HOURS_MAX * 3600)

    def ended(self) -> str:
        """Return the value of the `Set-Cookie` header that removes the session."""
        return self.header(self.name, "", 0)

    def header(self, name: str, value: str, seconds: int) -> str:
        """Return the value of a `Set-Cookie` header; scripts cannot read the cookie.

        Requests from other sites do not contain it, except links that the user follows.

        Args:
            name: name of the cookie.
            value: its value.
            seconds: time until it expires; 0 removes it.
        """
        secure = "; Secure" if self.is_secure else ""
        return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"


def admitted(session: Session, issuers: Issuers, token: str) -> Session:
    """Return a copy of a session, signed in with a token: with its subject, unit, roles and expiry.

    Args:
        session: the session to sign in; its other fields remain.
        issuers: the accepted issuers, which verify the token.
        token: the signed token (JWT) of a user.

    Raises:
        Unauthenticated: the token is not valid. The caller's fault.
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
    """Return what is wrong with the setting of session keys, a sentence each; empty if nothing is.

    The keys may be missing on loopback only.
    """
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
