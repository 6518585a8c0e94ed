"""Protects every request: security headers, limits of size and rate, and metrics."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from services.portal import metrics
from services.portal.loop import Turnstile

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

FORM_BYTES_MAX = 128 * 1024
IMPORT_BYTES_MAX = 8 * 1024 * 1024
"""Larger, as the form of an import contains the file, its report and its refused rows."""
API_BYTES_MAX = 1024 * 1024
"""The limit of a gRPC message."""
CALLERS_MAX = 10_000
"""Number of callers whose rate is remembered; the least recently seen is forgotten first."""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
HSTS = "max-age=31536000"


class Rates:
    """Limits the requests of each caller by a token bucket.

    A full bucket has the requests of one minute, and an empty one is full again after a minute.

    Args:
        per_minute: how many requests a caller may make in a minute.
    """

    def __init__(self, per_minute: int) -> None:
        self._size, self._per_second = float(per_minute), per_minute / 60
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> bool:
        """Take one request out of a caller's bucket; return False if the bucket is empty.

        A caller that was not seen before, or is forgotten, has a full bucket.

        Args:
            caller: any key of the caller.
            now: monotonic time in seconds.
        """
        left, seen = self._left.pop(caller, (self._size, now))
        left = min(self._size, left + (now - seen) * self._per_second)
        is_allowed = left >= 1
        self._left[caller] = (left - 1 if is_allowed else left), now
        if len(self._left) > CALLERS_MAX:
            self._left.popitem(last=False)
        return is_allowed


class TooLarge(Exception):
    """Raised when the body of a request exceeds its limit. The caller's fault."""


class Protection:
    """ASGI middleware around the whole application; refuses requests over the limits.

    Args:
        app: the application.
        per_minute: requests that one session or token may make in a minute.
        per_minute_of_address: requests that one client address may make in a minute. It is needed
            because sessions and tokens are not verified here: a client could show a new one each
            time.
        cookie: name of the session cookie, by which the requests of a session are counted.
        is_secure: whether browsers use HTTPS, which the answers then require (HSTS).
    """

    def __init__(
        self,
        app: Any,
        per_minute: int,
        per_minute_of_address: int,
        cookie: str,
        is_secure: bool,
    ) -> None:
        self._app, self._cookie = app, f"{cookie}="
        self._turnstile = Turnstile()
        self._callers, self._addresses = Rates(per_minute), Rates(per_minute_of_address)
        self._headers = HEADERS | ({"strict-transport-security": HSTS} if is_secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to the application, or answer 429 or 413 if it is over a limit.

        The response gets the security headers in either case, and the request counts in the
        metrics.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def guarded(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._admit(scope, receive, guarded)
        finally:
            page = getattr(scope.get("route"), "path", "other")
            metrics.REQUESTS.labels(page, str(status)).inc()
            metrics.SECONDS.labels(page).observe(time.perf_counter() - began)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        address, caller = str((scope.get("client") or ("",))[0]), self._caller(scope)
        now = time.monotonic()
        # The address first: over its limit, a flood of invented sessions takes no memory.
        if not (self._addresses.take(address, now) and self._callers.take(caller or address, now)):
            await _refuse(429, "rate", "too many requests; wait a moment", scope, receive, send)
            return
        await self._turnstile.let_in()
        limit = _limit_of(scope["path"])
        try:
            await self._app(scope, _limited(receive, limit), send)
        except TooLarge:
            text = f"the request is over {limit} bytes"
            await _refuse(413, "size", text, scope, receive, send)

    def _caller(self, scope: Scope) -> str:
        """Return the hash of the token or session that a request shows; empty without either."""
        headers = Headers(scope=scope)
        cookies = (part.strip() for part in headers.get("cookie", "").split(";"))
        session = next((part for part in cookies if part.startswith(self._cookie)), "")
        shown = headers.get("authorization") or session
        return hashlib.sha256(shown.encode()).hexdigest() if shown else ""


def _limit_of(path: str) -> int:
    if path.startswith("/api/"):
        return API_BYTES_MAX
    return IMPORT_BYTES_MAX if path == "/import" else FORM_BYTES_MAX


def _limited(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def limited() -> MutableMapping[str, Any]:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise TooLarge
        return message

    return limited


async def _refuse(
    status: int, reason: str, text: str, scope: Scope, receive: Receive, send: Send
) -> None:
    metrics.REFUSED.labels(reason).inc()
    await PlainTextResponse(f"{text}\n", status)(scope, receive, send)
