from __future__ import annotations

import base64
import codecs
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from structlog.testing import capture_logs

from services.kernel import access
from services.kernel.access import Issuers, Principal
from services.kernel.errors import Unauthenticated
from tests.unit.kernel.serving import AUDIENCE, KEYS, claims, public_pem, token, write_issuers


def signed_with_the_public_key() -> str:
    """A token with HS256 whose secret is the issuer's public key: jwt.encode refuses to make it."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    head = json.dumps({"alg": "HS256", "typ": "JWT", "kid": "k"}).encode()
    text = f"{part(head)}.{part(json.dumps(claims()).encode())}"
    secret = public_pem(KEYS["alpha"]).encode()
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def unsigned() -> str:
    return jwt.encode(claims(), "", algorithm="none", headers={"kid": "k"})


def test_a_token_stands_for_its_subject_institution_and_roles(issuers: Issuers) -> None:
    principal = issuers.principal(token(roles=["approver", "viewer"], unit="alpha/one"))
    roles = frozenset({"approver", "viewer"})
    assert principal == Principal("somebody", "alpha", "alpha/one", roles)
    assert issuers.principal(token("beta")).unit_id == "beta"


CLOCK = time.time


def now() -> int:
    return int(CLOCK())


# Made when the test runs: a token holds ten minutes, and its test is collected long before that.
@pytest.mark.parametrize(
    ("bad", "why"),
    [
        pytest.param(lambda: token(iat=now() - 900, exp=now() - 100), "expired", id="expired"),
        pytest.param(
            lambda: token(iat=now() + 300, exp=now() + 600), "not hold", id="issued in the future"
        ),
        pytest.param(lambda: token(exp=now() + 3600), "longer than 900", id="too long-lived"),
        pytest.param(lambda: token(aud="other"), "not hold", id="wrong audience"),
        pytest.param(lambda: token(key="beta"), "not hold", id="another institution's key"),
        pytest.param(lambda: token(iss="urn:gamma"), "not hold", id="unknown issuer"),
        pytest.param(lambda: token(kid="other"), "not hold", id="unknown kid"),
        pytest.param(
            lambda: token(unit="beta"), "another institution", id="another institution's unit"
        ),
        pytest.param(
            lambda: token(unit="alphabet"), "another institution", id="unit that begins alike"
        ),
        pytest.param(lambda: token(roles="approver"), "a list", id="roles that are a text"),
        pytest.param(lambda: token(roles=None), "a list", id="no roles"),
        pytest.param(lambda: token(sub=None), "not hold", id="no subject"),
        pytest.param(lambda: token(exp=None), "not hold", id="no expiry"),
        pytest.param(signed_with_the_public_key, "not hold", id="HS256 with the public key"),
        pytest.param(unsigned, "not hold", id="alg none"),
        pytest.param(lambda: "garbage", "not hold", id="garbage"),
        pytest.param(lambda: "", "not hold", id="empty"),
        pytest.param(lambda: token()[:-8] + "AAAAAAAA", "not hold", id="broken signature"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(
    issuers: Issuers, bad: Callable[[], str], why: str
) -> None:
    with pytest.raises(Unauthenticated, match=why) as refusal:
        issuers.principal(bad())
    assert "BEGIN PUBLIC KEY" not in refusal.value.message


def signed(payload: str, **head: Any) -> str:
    """A token with a signature that holds, whatever its header and payload say."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    header = {"alg": "EdDSA", "typ": "JWT", "kid": "k", **head}
    text = f"{part(json.dumps(header).encode())}.{part(payload.encode())}"
    return f"{text}.{part(KEYS['alpha'].sign(text.encode()))}"


NESTED = "[" * 100_000 + "]" * 100_000
ODD = {
    "exp": [
        '"text"',
        '"NOW"',
        "null",
        "{}",
        "[]",
        "true",
        "1e999",
        "NaN",
        "-1",
        "9" * 30,
    ],
    "iat": ['"text"', '"NOW"', "null", "{}", "[]", "true", "-1e999", "NaN", "9" * 30],
    "nbf": ['"text"', '"1"', "{}", "[]", "true", "1e999", "NaN", "9" * 30],
    "aud": ["null", "1", "{}", "[]", "[1]", '["other"]', "[[]]", NESTED],
    "iss": ["null", "1", "{}", "[]", "true", '["urn:alpha"]', NESTED],
    "sub": ["null", "1", "{}", "[]", '""', r'"\u0000"', r'"\ud800"', r'"\u202e"', f'"{"x" * 999}"'],
    "unit": ["1", "{}", "[1]", "true", r'"alpha/\ud800"', r'"alpha/\n"', f'"alpha/{"x" * 999}"'],
    "roles": ["null", "1", "{}", "true", '"viewer"', "[1]", "[[]]", "[null]", NESTED],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(name, value, id=f"{name}={value[:20]}")
        for name, values in ODD.items()
        for value in values
    ],
)
def test_a_signed_token_with_an_odd_claim_is_refused(
    issuers: Issuers, name: str, value: str
) -> None:
    texts = {key: json.dumps(each) for key, each in claims().items()}
    texts[name] = value.replace("NOW", str(now() + 30 * (name == "exp")))
    payload = ",".join(f'"{key}":{text}' for key, text in texts.items())
    with pytest.raises(Unauthenticated):
        issuers.principal(signed(f"{{{payload}}}"))


@pytest.mark.parametrize("payload", ["", "null", "[]", "1", '"text"', "{", NESTED, "\ud7ff"])
def test_a_signed_token_that_says_no_object_is_refused(issuers: Issuers, payload: str) -> None:
    with pytest.raises(Unauthenticated):
        issuers.principal(signed(payload))


@pytest.mark.parametrize(
    "head",
    [
        {"kid": {}},
        {"kid": []},
        {"kid": 1},
        {"kid": None},
        {"alg": {}},
        {"alg": None},
        {"alg": ["EdDSA"]},
        {"b64": False},
        {"crit": ["exp"]},
        {"typ": {}, "crit": 1},
    ],
    ids=str,
)
def test_a_signed_token_with_an_odd_header_is_refused(
    issuers: Issuers, head: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        issuers.principal(signed(json.dumps(claims()), **head))


def test_a_token_that_was_verified_is_known_until_it_ends_or_the_table_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_issuers(tmp_path / "issuers.json")
    issuers, held, short = Issuers(path, [AUDIENCE]), token(), token(exp=now() + 30)
    assert issuers.known(held) is None
    assert issuers.principal(held) == issuers.known(held)
    assert issuers.principal(short) == issuers.known(short)
    monkeypatch.setattr(time, "time", lambda: now() + 120)
    assert issuers.known(short) is None
    assert issuers.known(held) is not None
    path.write_text('{"issuers": []}')
    os.utime(path, ns=(5, 5))
    assert issuers.known(held) is None


def test_no_more_than_so_many_verified_tokens_are_remembered(
    issuers: Issuers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "VERIFIED_MAX", 3)
    for number in range(10):
        issuers.principal(token(sub=f"s{number}"))
    assert len(issuers._verified) <= 3


def test_an_algorithm_that_the_kernel_does_not_know_is_refused_even_if_listed(
    tmp_path: Path,
) -> None:
    issuers = Issuers(
        write_issuers(tmp_path / "issuers.json", algorithms=("HS256", "none")), [AUDIENCE]
    )
    for bad in (signed_with_the_public_key(), unsigned()):
        with pytest.raises(Unauthenticated):
            issuers.principal(bad)


def test_the_table_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    issuers = Issuers(path, [AUDIENCE])
    with pytest.raises(Unauthenticated):
        issuers.principal(token())
    os.utime(write_issuers(path), ns=(1, 1))
    assert issuers.principal(token()).institution_id == "alpha"
    path.write_text('{"issuers": []}')
    os.utime(path, ns=(2, 2))
    with pytest.raises(Unauthenticated):
        issuers.principal(token())


@pytest.mark.parametrize(
    "content", [b'{"issuers": [', b"\xff", b"[]", b"{}", b'{"issuers": [1]}', None]
)
def test_while_the_table_is_unusable_the_last_one_holds(
    content: bytes | None, tmp_path: Path
) -> None:
    path = write_issuers(tmp_path / "issuers.json")
    issuers = Issuers(path, [AUDIENCE])
    issuers.principal(token())
    if content is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(content)
    os.utime(path, ns=(2, 2))
    with capture_logs() as logs:
        assert issuers.principal(token()).institution_id == "alpha"
        assert issuers.principal(token(sub="another")).subject == "another"
    assert [line["log_level"] for line in logs] == ["error"]


def test_a_table_that_was_never_usable_accepts_nobody(tmp_path: Path) -> None:
    path = tmp_path / "issuers.json"
    path.write_text("half")
    with pytest.raises(Unauthenticated):
        Issuers(path, [AUDIENCE]).principal(token())


def test_the_mark_that_windows_puts_in_front_of_the_table_changes_nothing(tmp_path: Path) -> None:
    path = write_issuers(tmp_path / "issuers.json")
    path.write_bytes(codecs.BOM_UTF8 + path.read_bytes())
    assert Issuers(path, [AUDIENCE]).principal(token()).institution_id == "alpha"


def test_a_credential_reaches_its_unit_and_what_lies_below() -> None:
    principal = Principal("s", "alpha", "alpha/one", frozenset())
    reached = {
        u for u in ("alpha", "alpha/one", "alpha/one/x", "alpha/onex") if principal.reaches(u)
    }
    assert reached == {"alpha/one", "alpha/one/x"}
