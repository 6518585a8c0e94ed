"""Limits and headers, around an application that answers anything."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from services.portal.config import Settings
from services.portal.protection import API_BYTES_MAX, FORM_BYTES_MAX, Protection, Rates
from services.portal.server import configuration

OF_ADDRESS: Any = {"per_minute_of_address": 2}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def as_it_is(app: Any) -> Any:
    return app


def loaded(app: Any, settings: Settings) -> Any:
    """What uvicorn makes of an application, by the configuration of the portal."""
    config = configuration(app, settings)
    config.load()
    return config.loaded_app


def ask(
    requests: list[tuple[str, str, dict[str, Any]]],
    served: Callable[[Any], Any] = as_it_is,
    **options: Any,
) -> list[httpx.Response]:
    given = {
        "per_minute": 600,
        "per_minute_of_address": 600,
        "cookie": "kieng",
        "is_secure": False,
        **options,
    }

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(served(Protection(echo, **given)))
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


def test_another_token_each_time_has_the_rate_of_its_address() -> None:
    made_up = [("GET", "/", {"headers": {"authorization": f"Bearer {n}"}}) for n in range(3)]
    found = ask([*made_up, ("GET", "/", {"headers": {"cookie": "kieng=new"}})], **OF_ADDRESS)
    assert [each.status_code for each in found] == [200, 200, 429, 429]


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [("", [200, 200, 429]), ("10.0.0.9", [200, 200, 429]), ("127.0.0.0/8", [200, 200, 200])],
    ids=["no proxy", "another proxy", "this proxy"],
)
def test_only_a_proxy_that_is_configured_names_the_client(
    proxies: str, expected: list[int]
) -> None:
    settings = Settings(trusted_proxies=proxies)
    clients = [f"198.51.100.{number}" for number in range(3)]
    requests = [("GET", "/", {"headers": {"x-forwarded-for": client}}) for client in clients]
    found = ask(requests, served=lambda app: loaded(app, settings), **OF_ADDRESS)
    assert [each.status_code for each in found] == expected


def test_a_client_adds_no_address_in_front_of_its_own() -> None:
    def served(app: Any) -> Any:
        return loaded(app, Settings(trusted_proxies="127.0.0.1"))

    names = [f"203.0.113.{number}, 198.51.100.7" for number in range(3)]
    requests = [("GET", "/", {"headers": {"x-forwarded-for": name}}) for name in names]
    found = ask(requests, served=served, **OF_ADDRESS)
    assert [each.status_code for each in found] == [200, 200, 429]


def test_a_rate_refills() -> None:
    rates = Rates(60)
    assert [rates.take("me", 0.0) for _ in range(61)] == [True] * 60 + [False]
    assert rates.take("me", 1.0)
    assert not rates.take("me", 1.1)
