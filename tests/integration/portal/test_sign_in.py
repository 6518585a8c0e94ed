"""Sign-in by OpenID Connect, against a certified provider: the way in, what is refused, the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.integration.portal.provider import (
    Person,
    ProviderKey,
    free_port,
    running_portal,
    running_provider,
)

NAMES = {"viewer@vnu": "Văn phòng Kế hoạch", "reviewer@vnu": "<b>Nobody</b>"}
FORM = {"decision": "return", "reason": "một lý do dài <b>&", "version": "1"}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    key, port = ProviderKey(), free_port()
    address = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("portal")
    with (
        running_provider([key], address, names=NAMES) as issuer,
        running_portal(folder, port, issuer, [key]) as found,
    ):
        yield found


def test_a_person_signs_in_at_the_provider_and_is_known_by_name(portal: str) -> None:
    person = Person(portal)
    page = person.sign_in("viewer@vnu", "/health?lang=en")
    assert str(page.url) == f"{portal}/health?lang=en"
    assert "Văn phòng Kế hoạch" in page.text
    assert 'title="viewer@vnu"' in page.text
    cookies = [c for c in person.client.cookies.jar if c.name == "kieng"]
    assert len(cookies) == 1
    assert "viewer" not in str(cookies[0].value)


def test_the_way_to_the_provider_is_the_code_flow_with_pkce(portal: str) -> None:
    begun = Person(portal).client.get("/sign-in/vnu")
    asked = {
        key: found[0] for key, found in parse_qs(urlsplit(begun.headers["location"]).query).items()
    }
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{portal}/sign-in/vnu/callback"
    assert min(len(asked[name]) for name in ("state", "nonce", "code_challenge")) >= 43
    (cookie,) = [c for c in begun.headers.get_list("set-cookie") if "sign-in" in c]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert asked["state"] not in cookie


def test_the_name_of_a_person_is_no_markup(portal: str) -> None:
    page = Person(portal).sign_in("reviewer@vnu")
    assert "<b>Nobody" not in page.text
    assert "&lt;b&gt;Nobody" in page.text


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_signing_in_leads_to_no_other_site(portal: str, there: str) -> None:
    assert str(Person(portal).sign_in("viewer@vnu", there).url).startswith(f"{portal}/")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"code": "x"},
        {"code": "x", "state": "y"},
        {"error": "access_denied", "state": "y"},
        {"code": "x", "state": "y", "iss": "https://evil.example"},
    ],
    ids=["nothing", "no state", "another state", "refused", "another issuer"],
)
@pytest.mark.parametrize("begun", [True, False], ids=["begun", "never begun"])
def test_an_answer_to_no_attempt_signs_nobody_in(
    portal: str, query: dict[str, str], begun: bool
) -> None:
    person = Person(portal)
    if begun:
        person.client.get("/sign-in/vnu")
    answer = person.client.get("/sign-in/vnu/callback", params=query)
    assert answer.status_code == 401
    assert person.client.get("/review").status_code == 303


def test_a_code_holds_once_and_for_its_own_browser(portal: str) -> None:
    person, thief = Person(portal), Person(portal)
    person.sign_in("viewer@vnu")
    callback = person.visited("/sign-in/vnu/callback")
    thief.client.get("/sign-in/vnu")
    for each in (thief, person):
        assert each.client.get(callback).status_code == 401


def test_an_institution_without_a_provider_has_no_way_in(portal: str) -> None:
    assert Person(portal).client.get("/sign-in/hust").status_code == 404
    assert Person(portal).client.get("/sign-in/hust/callback").status_code == 404


def test_signing_out_also_ends_the_session_at_the_provider(portal: str) -> None:
    person = Person(portal)
    page = person.sign_in("viewer@vnu")
    gone = person.send(page)
    assert gone.status_code == 200
    url = gone.headers["refresh"].partition("url=")[2]
    assert "/session/end?" in url
    there = person.client.get(url)
    assert there.status_code == 200
    ended = person.send(there, logout="yes")
    assert str(ended.url).rstrip("/") == portal
    assert person.client.get("/review").status_code == 303


def test_a_form_that_comes_after_the_session_is_handed_back_whole_and_then_accepted(
    portal: str,
) -> None:
    person = Person(portal)
    page = person.sign_in("reviewer@vnu")
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    person.client.cookies.clear()
    late = person.client.post("/review", data={"csrf": csrf, **FORM})
    assert late.status_code == 401
    assert 'value="một lý do dài &lt;b&gt;&amp;"' in late.text
    person.sign_in("reviewer@vnu")
    again = person.send(late)
    # Accepted: what answers now is the service, which is not there in this test.
    assert again.status_code == 503
    other = Person(portal)
    other.sign_in("viewer@vnu")
    assert other.client.post("/review", data={"csrf": csrf, **FORM}).status_code == 403


def test_a_token_that_soon_ends_is_renewed_and_many_tabs_use_its_refresh_token_once(
    tmp_path: Path,
) -> None:
    key, port = ProviderKey(), free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        running_provider([key], address, seconds=60) as issuer,
        running_portal(tmp_path, port, issuer, [key]) as portal,
    ):
        person = Person(portal)
        person.sign_in("viewer@vnu")
        old = {c.name: str(c.value) for c in person.client.cookies.jar}["kieng"]
        # Two tabs with the same cookie: a second use of its refresh token would end the grant.
        for _ in range(2):
            answer = Person(portal).client.get("/health", headers={"cookie": f"kieng={old}"})
            assert "viewer@vnu" in answer.text
            younger = answer.headers["set-cookie"]
            assert old not in younger
        third = younger.partition("=")[2].partition(";")[0]
        answer = Person(portal).client.get("/health", headers={"cookie": f"kieng={third}"})
        assert third not in answer.headers["set-cookie"]
