"""The OpenAPI document of HTTP/JSON, generated from the contracts with them."""

from __future__ import annotations

from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

KIND = "application/json"


@cache
def content() -> bytes:
    """Return the document as it was generated."""
    return resources.files("kieng").joinpath("openapi.json").read_bytes()


async def document(request: Request) -> Response:
    """Answer `/api/openapi.json`; it is public, as the contracts are."""
    headers = {"cache-control": "public, max-age=300"}
    return Response(content(), media_type=KIND, headers=headers)
