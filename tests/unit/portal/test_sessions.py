"""Sessions: only this portal makes them, nobody reads them, and they end."""

import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from services.kernel.errors import InvalidArgument
from services.portal import sessions
from services.portal.config import Settings
from services.portal.sessions import Session, Sessions

TOKEN = "header.claims.signature"


def settings(**given: Any) -> Settings:
    return Settings(_env_file=None, **given)


def signed_in() -> Session:
    ends = time.time() + 900
    return replace(
        Session.fresh(), token=TOKEN, expires_at=ends, subject="a@vnu", roles=("viewer",)
    )


def value(cookie: str) -> str:
    return cookie.partition("=")[2].partition(";")[0]


def test_a_session_comes_back_as_it_was_and_cannot_be_read() -> None:
    kept, session = Sessions(settings()), signed_in()
    cookie = kept.cookie(session)
    assert TOKEN not in cookie
    assert "viewer" not in cookie
    assert kept.read({kept.name: value(cookie)}) == session
    assert kept.read({kept.name: value(cookie)}).may("viewer")


@pytest.mark.parametrize(
    "sealed",
    ["", "x", "ü", "gAAAAA", Fernet(Fernet.generate_key()).encrypt(b"{}").decode()],
    ids=["nothing", "a letter", "no ASCII", "a beginning", "another key"],
)
def test_what_this_portal_did_not_seal_is_nobody(sealed: str) -> None:
    kept = Sessions(settings())
    found = kept.read({kept.name: sealed})
    assert not found.is_signed_in
    assert found.guest


def test_a_session_ends_unused_and_after_a_day_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, session = Sessions(settings(session_minutes=5)), signed_in()
    cookies = {kept.name: value(kept.cookie(session))}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301)
    assert not kept.read(cookies).is_signed_in
    old = replace(session, began_at=now - sessions.HOURS_MAX * 3600, expires_at=now + 900)
    assert not kept.read({kept.name: value(kept.cookie(old))}).is_signed_in


def test_a_token_that_has_ended_signs_nobody_in() -> None:
    assert not replace(signed_in(), expires_at=time.time() - 1).is_signed_in
    assert not replace(signed_in(), expires_at=time.time() - 1).may("viewer")


def test_cookies_are_for_this_site_only_and_encrypted_on_the_way() -> None:
    key = Fernet.generate_key().decode()
    beyond = Sessions(settings(host="0.0.0.0", session_key=key)).cookie(signed_in())
    assert beyond.startswith("__Host-kieng=")
    for attribute in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"):
        assert f"; {attribute}" in beyond
    assert "; Secure" not in Sessions(settings()).cookie(signed_in())


def test_a_new_key_before_the_old_one_ends_no_session() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before = Sessions(settings(session_key=old))
    after = Sessions(settings(session_key=f"{new},{old}"))
    session = signed_in()
    assert after.read({after.name: value(before.cookie(session))}) == session


def test_a_key_is_needed_beyond_loopback_and_has_32_bytes() -> None:
    assert sessions.mistakes(settings()) == []
    assert "KIENG_SESSION_KEY" in sessions.mistakes(settings(host="0.0.0.0"))[0]
    assert "32 bytes" in sessions.mistakes(settings(session_key="c2hvcnQ="))[0]
    good = Fernet.generate_key().decode()
    assert sessions.mistakes(settings(host="0.0.0.0", session_key=f"{good},{good}")) == []


def test_a_token_that_no_cookie_holds_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="too long"):
        Sessions(settings()).cookie(replace(signed_in(), token="x" * 4000))


def test_a_session_that_ended_is_known_but_has_no_right(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, session = Sessions(settings()), replace(signed_in(), refresh_token="r")
    cookies = {kept.name: value(kept.cookie(session))}
    late = time.time() + kept._idle_seconds + 1
    monkeypatch.setattr(time, "time", lambda: late)
    found = kept.read(cookies)
    assert found.holder == session.holder
    assert (found.token, found.refresh_token) == ("", "")
    assert not found.may("viewer")


def test_the_forms_of_a_user_share_a_token_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, now = Sessions(settings()), time.monotonic()
    token = kept.form_token("a")
    assert kept.unseal("form", token, 60) == {"holder": "a"}
    assert kept.form_token("a") == token
    assert kept.unseal("form", kept.form_token("b"), 60) == {"holder": "b"}
    monkeypatch.setattr(time, "monotonic", lambda: now + 600)
    assert kept.form_token("a") != token


def test_what_is_sealed_for_one_purpose_is_nothing_for_another() -> None:
    kept = Sessions(settings())
    sealed = kept.seal("form", {"holder": "a"})
    assert kept.unseal("form", sealed, 60) == {"holder": "a"}
    assert kept.unseal("session", sealed, 60) == {}
    assert not kept.read({kept.name: sealed}).is_signed_in
