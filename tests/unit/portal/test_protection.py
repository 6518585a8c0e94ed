"""Limits and headers, around an application that answers anything."""

import asyncio
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from services.portal.protection import API_BYTES_MAX, FORM_BYTES_MAX, Protection, Rates


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def ask(requests: list[tuple[str, str, dict[str, Any]]], **options: Any) -> list[httpx.Response]:
    given = {"per_minute": 600, "cookie": "kieng", "is_secure": False, **options}

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(Protection(echo, **given))
        async with httpx.AsyncClient(transport=transport, base_url="http://portal") as client:
            return [await client.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(run())


def test_every_answer_has_the_security_headers() -> None:
    (plain,) = ask([("GET", "/", {})])
    policy = plain.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert plain.headers["x-content-type-options"] == "nosniff"
    assert plain.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in plain.headers
    (secure,) = ask([("GET", "/", {})], is_secure=True)
    assert "max-age" in secure.headers["strict-transport-security"]


def test_a_form_is_small_and_a_call_is_as_large_as_grpc_allows() -> None:
    too_large = b"x" * (FORM_BYTES_MAX + 1)
    page, api, beyond = ask(
        [
            ("POST", "/review", {"content": too_large}),
            ("POST", "/api/a/b", {"content": too_large}),
            ("POST", "/api/a/b", {"content": b"x" * (API_BYTES_MAX + 1)}),
        ]
    )
    assert page.status_code == 413
    assert api.text == str(len(too_large))
    assert beyond.status_code == 413


def test_each_caller_has_a_rate_of_his_own() -> None:
    me, other = {"authorization": "Bearer me"}, {"authorization": "Bearer other"}
    found = ask(
        [("GET", "/", {"headers": me})] * 3 + [("GET", "/", {"headers": other})], per_minute=2
    )
    assert [each.status_code for each in found] == [200, 200, 429, 200]


def test_a_rate_refills() -> None:
    rates = Rates(60)
    assert [rates.take("me", 0.0) for _ in range(61)] == [True] * 60 + [False]
    assert rates.take("me", 1.0)
    assert not rates.take("me", 1.1)
