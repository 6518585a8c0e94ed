"""Providers: what their answers must say, and how they may be listed."""

import json
import os
import subprocess
import sys
import time
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from services.portal import providers, sign_in_providers
from services.portal.config import Settings
from services.portal.providers import Provider
from services.portal.sign_in_providers import ProviderSettings, SignInFailed

ISSUER, CLIENT, NONCE = "https://id.example.vn", "kieng-portal", "n-1"
ENTRY = {"institution_id": "vnu", "issuer": ISSUER, "client_id": CLIENT}
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
}


class Issuer:
    """Signs ID tokens, and answers for its metadata and keys."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **metadata: str) -> None:
        self.metadata = METADATA | metadata
        self.read = 0
        self.change_key()
        monkeypatch.setattr(providers, "_json", self._json)
        self.provider = Provider(ProviderSettings(**ENTRY), "https://kieng.example.vn")

    def change_key(self) -> None:
        self._key = ECKey.generate_key("P-256", private=True)

    def _json(self, url: str) -> dict[str, Any]:
        self.read += 1
        public = {**self._key.as_dict(private=False), "kid": self._key.thumbprint()}
        return {"keys": [public]} if url.endswith("/jwks") else dict(self.metadata)

    def claims(self, **given: Any) -> Any:
        """What the provider takes from an ID token with these claims; None leaves one out."""
        now = int(time.time())
        own = {"iss": ISSUER, "aud": CLIENT, "sub": "a", "iat": now, "exp": now + 60}
        claims = {k: v for k, v in (own | {"nonce": NONCE} | given).items() if v is not None}
        header = {"alg": "ES256", "kid": str(self._key.thumbprint())}
        token = jwt.encode(header, claims, self._key)
        return self.provider._claims({"id_token": token, "access_token": "x"}, NONCE)


def test_an_id_token_for_this_client_and_this_attempt_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = Issuer(monkeypatch)
    assert issuer.claims()["sub"] == "a"
    assert issuer.claims(aud=[CLIENT, "other"], azp=CLIENT)["sub"] == "a"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": [CLIENT, "other"]},
        {"azp": "other"},
        {"nonce": "n-2"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
def test_an_id_token_of_another_meaning_is_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    with pytest.raises(SignInFailed, match="the ID token does not hold"):
        Issuer(monkeypatch).claims(**wrong)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_what_nobody_signed_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    provider = Issuer(monkeypatch).provider
    with pytest.raises(SignInFailed):
        provider._claims({"id_token": token, "access_token": "x"}, NONCE)


def test_a_new_key_is_read_when_it_first_signs_and_never_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer, now = Issuer(monkeypatch), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    issuer.claims()
    issuer.claims()
    assert issuer.read == 2
    issuer.change_key()
    with pytest.raises(SignInFailed):
        issuer.claims()
    now += providers.AGAIN_SECONDS
    issuer.claims()
    assert issuer.read == 4


def test_a_silent_provider_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer, now, asked = Issuer(monkeypatch), 1000.0, []

    def silent(url: str) -> Any:
        asked.append(url)
        raise requests.Timeout

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(providers, "_json", silent)
    for _ in range(3):
        with pytest.raises(SignInFailed, match="does not answer"):
            issuer.provider.begin("/")
    assert len(asked) == 1
    now += providers.AGAIN_SECONDS
    monkeypatch.setattr(providers, "_json", issuer._json)
    assert issuer.provider.begin("/")[0].startswith(f"{ISSUER}/auth")
    # What was read once serves on while the provider is silent, without another wait.
    now += providers.METADATA_SECONDS
    monkeypatch.setattr(providers, "_json", silent)
    for _ in range(3):
        issuer.provider.begin("/")
    assert len(asked) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://id.example.vn/token"},
        {"jwks_uri": ""},
    ],
    ids=str,
)
def test_metadata_of_another_issuer_or_without_https_are_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    with pytest.raises(SignInFailed):
        Issuer(monkeypatch, **wrong).provider.begin("/")


def test_the_end_at_the_provider_is_none_where_it_offers_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Issuer(monkeypatch).provider.end_url("https://kieng.example.vn/") == ""
    found = Issuer(monkeypatch, end_session_endpoint=f"{ISSUER}/end").provider
    assert found.end_url("https://kieng.example.vn/").startswith(f"{ISSUER}/end?client_id=")


def mistakes(entries: Any, public_url: str = "https://kieng.example.vn") -> list[str]:
    text = entries if isinstance(entries, str) else json.dumps(entries)
    return sign_in_providers.mistakes(
        Settings(_env_file=None, sign_in_providers=text, public_url=public_url)
    )


def test_providers_are_listed_once_each_and_by_https() -> None:
    assert mistakes("") == []
    assert mistakes([ENTRY]) == []
    assert mistakes([{**ENTRY, "issuer": "http://127.0.0.1:1"}], "http://127.0.0.1:2") == []
    for wrong in (
        mistakes("{"),
        mistakes([{**ENTRY, "client": "x"}]),
        mistakes([{**ENTRY, "issuer": "http://id.example.vn"}]),
        mistakes([ENTRY, ENTRY]),
    ):
        assert len(wrong) == 1
        assert wrong[0].startswith("KIENG_SIGN_IN_PROVIDERS: ")
    for public_url in ("", "kieng.example.vn", "http://kieng.example.vn", "https://a.vn/path"):
        assert mistakes([ENTRY], public_url)[0].startswith("KIENG_PUBLIC_URL: ")


def test_without_a_provider_nothing_that_signs_in_is_imported() -> None:
    program = """
import sys
from services.portal.config import Settings
from services.portal.renewals import by_institution
import services.portal.service
assert by_institution(Settings()) == {}
print([each for each in ("authlib", "joserfc", "requests") if each in sys.modules])
"""
    argv = [sys.executable, "-W", "ignore", "-c", program]
    env = {**os.environ, "KIENG_SIGN_IN_PROVIDERS": ""}
    assert subprocess.check_output(argv, text=True, env=env).strip() == "[]"
