"""How the people of an institution sign in: which providers are listed, and what one gives.

Nothing here speaks to a provider; `providers` does, by libraries that only a sign-in needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from services.kernel.plain_text import is_loopback
from services.portal.config import Settings


class ProviderSettings(BaseModel):
    """One OpenID Connect provider, as listed in `KIENG_SIGN_IN_PROVIDERS`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    institution_id: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    """Institution whose people sign in at this provider."""
    issuer: str
    """URL of its issuer; HTTPS, except on loopback."""
    client_id: str = Field(min_length=1)
    client_secret: SecretStr = SecretStr("")
    """Empty for a public client, which PKCE alone protects."""
    scope: str = "openid"
    """Scopes to request; with `openid offline_access`, many providers give a refresh token."""
    resource: str = ""
    """Resource (RFC 8707) to request, so that the token is for the services; empty for none."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that has begun; stored encrypted in the browser until the provider answers."""

    institution_id: str
    state: str
    nonce: str
    verifier: str
    back: str
    """Path on this site to go to after signing in."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a provider gave: a token for the services, and a refresh token, which may be empty."""

    access_token: str
    refresh_token: str
    name: str
    """Display name from the ID token; empty if it has none."""


class SignInFailed(Exception):
    """Raised if a provider does not answer or its answer is not valid. The text has no secrets."""


def listed(settings: Settings) -> list[ProviderSettings]:
    """Return the providers that the settings list, in order; none if the setting is empty.

    Raises:
        ValidationError: the list is not JSON, or an entry is wrong. The operator's fault.
    """
    given = settings.sign_in_providers.get_secret_value()
    return TypeAdapter(list[ProviderSettings]).validate_json(given) if given else []


def mistakes(settings: Settings) -> list[str]:
    """Return what is wrong with the settings of sign-in, a sentence each; empty if nothing is."""
    try:
        entries = listed(settings)
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
        return [f"KIENG_SIGN_IN_PROVIDERS: {each['loc']}: {each['msg']}" for each in wrong]
    found = [
        f"KIENG_SIGN_IN_PROVIDERS: the issuer {entry.issuer} is not HTTPS"
        for entry in entries
        if not is_safe(entry.issuer)
    ]
    names = [entry.institution_id for entry in entries]
    if len(set(names)) < len(names):
        found.append("KIENG_SIGN_IN_PROVIDERS: an institution is listed twice")
    if entries and not (is_safe(settings.public_url) and _is_origin(settings.public_url)):
        found.append("KIENG_PUBLIC_URL: needed with providers, as https://kieng.example.vn")
    return found


def is_safe(url: str) -> bool:
    """Return whether a URL is HTTPS, or on loopback, i.e. safe from being read on the way."""
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    return bool(parts.hostname) and (parts.scheme == "https" or is_local)


def _is_origin(url: str) -> bool:
    parts = urlsplit(url)
    return url == f"{parts.scheme}://{parts.netloc}"
