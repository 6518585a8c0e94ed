"""Tokens by audience, and the token of a service around that of its caller."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from services.kernel.access import SERVICE_TOKEN_SECONDS_MAX, Issuers, audience_of
from services.kernel.config import KernelSettings
from services.kernel.errors import Unauthenticated
from services.kernel.service_tokens import KEPT_MAX, REUSED_SECONDS, ServiceTokens
from tests.unit.kernel.serving import AUDIENCE, KEYS, service, token, write_issuers

CALLING, ENTRY = service("front", "back")
FOR_FRONT = "kieng.front"


@pytest.fixture
def back(tmp_path: Path) -> Issuers:
    """A service that accepts its own audience only, and knows the service in front."""
    return Issuers(write_issuers(tmp_path / "issuers.json", ENTRY), [audience_of("back.query")])


def refused(issuers: Issuers, credential: str) -> str:
    assert issuers.known(credential) is None
    with pytest.raises(Unauthenticated) as refusal:
        issuers.principal(credential)
    return refusal.value.message


def forged(**changed: Any) -> str:
    """A token of the service with other claims, signed by its key."""
    made = CALLING.around(token(aud=FOR_FRONT))
    claims = jwt.decode(made, options={"verify_signature": False})
    headers = jwt.get_unverified_header(made)
    assert CALLING._key is not None
    content = {name: value for name, value in {**claims, **changed}.items() if value}
    return jwt.encode(content, CALLING._key, algorithm="EdDSA", headers=headers)


def test_a_token_opens_the_services_that_it_names(back: Issuers) -> None:
    for audience in ("kieng.back", ["kieng.front", "kieng.back"]):
        found = back.principal(token(aud=audience))
        assert (found.institution_id, found.via) == ("alpha", "")
    for audience in ("kieng", FOR_FRONT, "kieng.", ["kieng", FOR_FRONT]):
        assert "`aud` has to name kieng.back" in refused(back, token(aud=audience))


@pytest.mark.parametrize(
    ("said", "accepted"),
    [
        ("kieng", ["kieng.back", "kieng"]),
        ("none", ["kieng.back"]),
        ("", ["kieng.back"]),
        ("kieng, own ,kieng.back", ["kieng.back", "kieng", "own"]),
    ],
)
def test_a_service_accepts_its_own_audience_and_those_of_the_settings(
    said: str, accepted: list[str]
) -> None:
    assert KernelSettings(audiences=said).accepted_audiences("back.query") == accepted


def test_unless_it_is_said_otherwise_a_service_accepts_its_own_audience_only() -> None:
    assert KernelSettings().accepted_audiences("back.query") == ["kieng.back"]


def test_a_service_calls_in_the_name_of_its_caller_and_of_nobody_else(back: Issuers) -> None:
    credential = CALLING.around(token(aud=FOR_FRONT, unit="alpha/one", roles=["auditor"]))
    found = back.principal(credential)
    assert (found.institution_id, found.unit_id, found.via) == ("alpha", "alpha/one", "front")
    assert found.roles == {"auditor"}
    assert back.known(credential) == found
    # Alone it is nobody.
    assert "not hold" in refused(back, forged(caller=""))
    assert "not hold" in refused(back, forged(caller="rubbish"))


@pytest.mark.parametrize(
    ("caller", "text"),
    [
        (lambda: token(aud="kieng.other"), "`aud` has to name"),
        (lambda: token(aud=FOR_FRONT, key="beta"), "not hold"),
        (lambda: token(aud=FOR_FRONT, iat=1, exp=2), "expired"),
        (lambda: token(aud=FOR_FRONT, exp=int(time.time()) + 90_000), "lives longer"),
        (lambda: CALLING.around(token(aud=FOR_FRONT)), "not hold"),
    ],
    ids=["for another service", "forged", "expired", "too long", "a service's own"],
)
def test_a_service_can_only_pass_on_what_holds_for_it(
    back: Issuers, caller: Any, text: str
) -> None:
    assert text in refused(back, CALLING.around(caller()))


def test_a_service_that_is_not_in_the_table_or_calls_another_one_is_refused(
    back: Issuers, tmp_path: Path
) -> None:
    stranger, _ = service("front", "back")
    assert "not hold" in refused(back, stranger.around(token(aud=FOR_FRONT)))
    unknown, _ = service("other", "back")
    assert "not hold" in refused(back, unknown.around(token(aud="kieng.other")))
    elsewhere = Issuers(write_issuers(tmp_path / "e.json", ENTRY), ["kieng.elsewhere"])
    assert "`aud`" in refused(elsewhere, CALLING.around(token(aud=FOR_FRONT)))
    without = Issuers(write_issuers(tmp_path / "w.json"), ["kieng.back"])
    assert "not hold" in refused(without, CALLING.around(token(aud=FOR_FRONT)))


def test_an_institutions_key_makes_no_service_and_a_services_no_institution(back: Issuers) -> None:
    made = {"iss": "urn:kieng:service:front", "aud": "kieng.back", "sub": "front"}
    now = int(time.time())
    claims = {**made, "iat": now, "exp": now + 60, "caller": token(aud=FOR_FRONT)}
    by_institution = jwt.encode(claims, KEYS["alpha"], algorithm="EdDSA", headers={"kid": "k"})
    assert "not hold" in refused(back, by_institution)
    assert "not hold" in refused(back, forged(iss="urn:alpha", roles=["steward"]))


def test_a_token_of_a_service_holds_a_minute_whatever_it_says(
    back: Issuers, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    caller = token(aud=FOR_FRONT, iat=int(now), exp=int(now) + 900)
    for credential in (CALLING.around(caller), forged(caller=caller, exp=int(now) + 86_400)):
        monkeypatch.undo()
        assert back.principal(credential).via == "front"
        later = now + SERVICE_TOKEN_SECONDS_MAX + 62  # with the skew of clocks
        monkeypatch.setattr("services.kernel.access.time.time", lambda later=later: later)
        assert back.known(credential) is None
    monkeypatch.undo()
    old = forged(caller=caller, iat=int(now) - 300, exp=int(now) + 300)
    assert "expired" in refused(back, old)


def test_tokens_are_signed_once_and_again_long_before_they_expire(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calling, _ = service("front", "back")
    caller, now = token(aud=FOR_FRONT), time.time()
    made = calling.around(caller)
    assert calling.around(caller) == made
    moment = now + REUSED_SECONDS + 2
    monkeypatch.setattr("services.kernel.service_tokens.time.time", lambda: moment)
    again = calling.around(caller)
    assert again != made
    assert REUSED_SECONDS < SERVICE_TOKEN_SECONDS_MAX
    for number in range(KEPT_MAX):
        calling.around(f"t{number}")
    assert len(calling._made) == KEPT_MAX


def test_without_a_key_the_callers_token_is_passed_on() -> None:
    assert ServiceTokens("front", "back", "").around("token") == "token"


@pytest.mark.parametrize("kind", ["rubbish", "another algorithm", "a password"])
def test_a_key_that_is_none_is_a_mistake_in_the_settings(kind: str) -> None:
    pem = "rubbish"
    formats = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    if kind == "another algorithm":
        key = generate_private_key(SECP256R1())
        pem = key.private_bytes(*formats, serialization.NoEncryption()).decode()
    elif kind == "a password":
        locked = serialization.BestAvailableEncryption(b"made-up")
        pem = KEYS["alpha"].private_bytes(*formats, locked).decode()
    with pytest.raises(ValueError, match="is not an Ed25519 private key"):
        ServiceTokens("front", "back", pem)
    with pytest.raises(ValueError, match="is not an Ed25519 private key"):
        KernelSettings(service_key=pem)


def test_a_table_of_an_older_release_names_no_service(tmp_path: Path) -> None:
    path = write_issuers(tmp_path / "issuers.json")
    document = json.loads(path.read_text())
    del document["services"]
    path.write_text(json.dumps(document))
    assert Issuers(path, [AUDIENCE]).principal(token()).via == ""
