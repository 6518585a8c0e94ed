"""Sign-in by OpenID Connect: one provider for each institution, by the code flow with PKCE.

Authlib implements the protocol; this module decides which provider may sign in whose people. All
calls to a provider block, so pages make them on a worker thread.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.portal.sign_in_providers import (
    Attempt,
    Grant,
    ProviderSettings,
    SignInFailed,
    is_safe,
)

METADATA_SECONDS = 300
"""Age from which a provider's metadata and keys are read again."""
AGAIN_SECONDS = 10
"""Minimum time between two readings, even for an unknown key or after a failure."""
CALL_SECONDS = 10.0
CLOCK_SKEW_SECONDS = 60
ALGORITHMS = ["EdDSA", "Ed25519", "ES256", "RS256", "PS256"]
NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
NAME_MAX = 80


class Provider:
    """One provider of an institution. Thread-safe; every method may call the provider and block.

    Args:
        entry: its settings.
        public_url: origin of this portal, as browsers see it.
    """

    def __init__(self, entry: ProviderSettings, public_url: str) -> None:
        self.entry = entry
        # Each provider has its own address, so answers of different providers are not confused.
        self.callback = f"{public_url}/sign-in/{entry.institution_id}/callback"
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._read_at = -METADATA_SECONDS * 1.0
        self._silent_until = 0.0

    def begin(self, back: str) -> tuple[str, Attempt]:
        """Return the URL to send the browser to, and the attempt to store; ``back`` goes into it.

        Raises:
            SignInFailed: the provider does not answer.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        asked = {"state": state, "nonce": nonce, "code_verifier": verifier}
        if self.entry.resource:
            asked["resource"] = self.entry.resource
        if "offline_access" in self.entry.scope.split():
            # Without a request for consent, providers ignore offline_access silently.
            asked["prompt"] = "consent"
        url, _ = self._client().create_authorization_url(
            self._known()["authorization_endpoint"], **asked
        )
        return str(url), Attempt(self.entry.institution_id, state, nonce, verifier, back)

    def finish(self, attempt: Attempt, answer: Mapping[str, str]) -> Grant:
        """Return the grant that the provider gives when the browser comes back.

        Raises:
            SignInFailed: the parameters ``answer`` of the callback are a refusal or belong to
                another attempt, or the provider does not answer, or its ID token is not valid.
        """
        if answer.get("iss", self.entry.issuer) != self.entry.issuer:
            raise SignInFailed("the answer is of another issuer")
        if error := answer.get("error"):
            raise SignInFailed(f"the provider says {error[:100]!a}")
        given = self._ask(
            lambda client, metadata: client.fetch_token(
                metadata["token_endpoint"],
                authorization_response=f"{self.callback}?{urlencode(answer)}",
                state=attempt.state,
                code_verifier=attempt.verifier,
                timeout=CALL_SECONDS,
            )
        )
        claims = self._claims(given, attempt.nonce)
        names = (claims.get(each) for each in ("name", "preferred_username", "email"))
        name = next((str(each) for each in names if each), "")
        return _grant(given, "", name[:NAME_MAX])

    def renew(self, refresh_token: str) -> Grant:
        """Return a new grant for a refresh token, with the same one if the provider gives no other.

        Raises:
            SignInFailed: the provider does not answer, or refuses.
        """
        more = {"resource": self.entry.resource} if self.entry.resource else {}
        given = self._ask(
            lambda client, metadata: client.refresh_token(
                metadata["token_endpoint"],
                refresh_token=refresh_token,
                timeout=CALL_SECONDS,
                **more,
            )
        )
        return _grant(given, refresh_token, "")

    def end_url(self, back: str) -> str:
        """Return the URL that ends the browser's session at the provider; empty if it has none.

        Args:
            back: URL of this site to come back to.

        Raises:
            SignInFailed: the provider does not answer.
        """
        found = self._known().get("end_session_endpoint", "")
        given = {"client_id": self.entry.client_id, "post_logout_redirect_uri": back}
        return f"{found}?{urlencode(given)}" if is_safe(str(found)) else ""

    def _client(self) -> Any:
        secret = self.entry.client_secret.get_secret_value()
        return OAuth2Session(
            self.entry.client_id,
            secret or None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=self.entry.scope,
            redirect_uri=self.callback,
            code_challenge_method="S256",
        )

    def _ask(self, call: Any) -> Mapping[str, Any]:
        metadata = self._known()
        try:
            with self._client() as client:
                found: Mapping[str, Any] = call(client, metadata)
        except (AuthlibBaseError, requests.RequestException, ValueError) as error:
            raise SignInFailed(f"the provider refused or did not answer: {error!a:.200}") from error
        if not isinstance(found.get("access_token"), str):
            raise SignInFailed("the provider gave no access token")
        return found

    def _claims(self, given: Mapping[str, Any], nonce: str) -> CodeIDToken:
        options = {
            "iss": {"essential": True, "value": self.entry.issuer},
            "aud": {"essential": True, "value": self.entry.client_id},
        }
        params = {
            "nonce": nonce,
            "client_id": self.entry.client_id,
            "access_token": given["access_token"],
        }
        token = str(given.get("id_token", ""))
        try:
            decoded = self._decoded(token)
            found = CodeIDToken(decoded.claims, decoded.header, options, params)
            found.validate(leeway=CLOCK_SKEW_SECONDS)
        except (JoseError, ValueError) as error:
            raise SignInFailed(f"the ID token does not hold: {error!a:.200}") from error
        return found

    def _decoded(self, token: str) -> Any:
        self._known()
        try:
            return jwt.decode(token, self._keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            # The key may be unknown because the provider has changed its keys.
            self._known(AGAIN_SECONDS)
            return jwt.decode(token, self._keys, algorithms=ALGORITHMS)

    def _known(self, age_max: float = METADATA_SECONDS) -> Mapping[str, Any]:
        """Return the provider's metadata; if too old, read them and the keys again."""
        with self._lock:
            if time.monotonic() < max(self._read_at + age_max, self._silent_until):
                if self._metadata:
                    return self._metadata
                raise SignInFailed("the provider does not answer: try again soon")
            try:
                issuer = self.entry.issuer.rstrip("/")
                metadata = _json(f"{issuer}/.well-known/openid-configuration")
                if metadata.get("issuer") != self.entry.issuer:
                    raise SignInFailed("its metadata are those of another issuer")
                if not all(is_safe(str(metadata.get(name, ""))) for name in NEEDED):
                    raise SignInFailed("its metadata lack an endpoint by HTTPS")
                self._keys = KeySet.import_key_set(_json(metadata["jwks_uri"]))  # type: ignore[arg-type]
            except (requests.RequestException, JoseError, ValueError, KeyError) as error:
                self._silent_until = time.monotonic() + AGAIN_SECONDS
                if self._metadata:
                    return self._metadata
                raise SignInFailed(f"the provider does not answer: {error!a:.200}") from error
            self._metadata, self._read_at = metadata, time.monotonic()
            return metadata


def _json(url: str) -> Mapping[str, Any]:
    answer = requests.get(url, timeout=CALL_SECONDS, allow_redirects=False)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError(f"{url} is no object")
    return found


def _grant(given: Mapping[str, Any], before: str, name: str) -> Grant:
    return Grant(given["access_token"], str(given.get("refresh_token") or before), name)
