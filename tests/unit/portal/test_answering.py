"""What a service refused is said in the language of the page, each wrong field once."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from services.portal.answering import refusal
from services.portal.config import Settings
from services.portal.site import Page, Site


@pytest.fixture(scope="module")
def site() -> Site:
    return Site(Settings())


def page(site: Site, query: str, path: str = "/works") -> Page:
    app = Starlette()
    app.state.site = site
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(b"host", b"kieng.example")],
        "app": app,
    }
    return Page(Request(scope))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [("", "không có hồ sơ này, hoặc bạn không được xem"), ("lang=en", "no such submission")],
)
def test_a_sentence_of_a_service_is_in_the_language_of_the_page(
    site: Site, query: str, wanted: str
) -> None:
    text = bytes(refusal(page(site, query), "NOT_FOUND", "no such submission", {}).body).decode()
    assert f"<blockquote>{wanted}" in text


def test_a_wrong_field_is_said_once_and_an_unknown_sentence_stays(site: Site) -> None:
    fields = {"reason": "a sentence <b>nobody</b> knows"}
    message = "reason: a sentence <b>nobody</b> knows"
    text = bytes(refusal(page(site, ""), "INVALID_ARGUMENT", message, fields).body).decode()
    assert text.count("a sentence &lt;b&gt;nobody&lt;/b&gt; knows") == 1
    assert "<blockquote>" not in text


def test_no_link_of_a_page_leads_to_another_site(site: Site) -> None:
    assert page(site, "", "//evil.example/x").other_language() == "/evil.example/x?lang=en"
