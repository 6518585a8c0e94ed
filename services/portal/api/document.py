"""The OpenAPI document of HTTP/JSON, which is generated together with the contracts."""

from __future__ import annotations

from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

KIND = "application/json"


@cache
def content() -> bytes:
    """Return the generated OpenAPI document as JSON; the file is read once."""
    return resources.files("kieng").joinpath("openapi.json").read_bytes()


async def document(request: Request) -> Response:
    """Answer `/api/openapi.json` with the OpenAPI document; it is public, as the contracts are."""
    headers = {"cache-control": "public, max-age=300"}
    return Response(content(), media_type=KIND, headers=headers)
