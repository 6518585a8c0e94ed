"""An institution's provider of OpenID Connect that nobody here wrote, and a portal beside it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from cryptography.hazmat.primitives import serialization
from joserfc.jwk import ECKey

from services.portal.application import application
from services.portal.config import Settings
from tests.node.packages import script
from tests.waiting import wait_until

SECRET = "only-for-tests-only-for-tests-only"
START_SECONDS = 30
INPUT = re.compile(r"<input[^>]*>")
ATTRIBUTE = re.compile(r'(name|value)="([^"]*)"')
ACTION = re.compile(r'action="([^"]+)"')


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ProviderKey:
    """The key of a provider: for it as JWK, for the services as PEM."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", private=True)
        self.id = str(self._key.thumbprint())

    def jwk(self) -> dict[str, Any]:
        """The private key, with what a provider has to say about it."""
        return {**self._key.as_dict(private=True), "kid": self.id, "alg": "ES256", "use": "sig"}

    def pem(self) -> str:
        """The public key."""
        public = self._key.public_key
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(serialization.Encoding.PEM, form).decode()


@contextmanager
def running_provider(keys: list[ProviderKey], portal: str, **given: Any) -> Iterator[str]:
    """Run the provider for a portal; yields its issuer."""
    options = {
        "secret": SECRET,
        "callback": f"{portal}/sign-in/vnu/callback",
        "home": f"{portal}/",
        "keys": [key.jwk() for key in keys],
        "seconds": 600,
        "names": {},
        "claims": {},
        **given,
    }
    node = shutil.which("node")
    assert node is not None
    environment = {**os.environ, "OPTIONS": json.dumps(options), "NODE_ENV": "test"}
    process = subprocess.Popen(
        [node, str(script("provider.mjs"))],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:"), issuer
        yield issuer
    finally:
        process.terminate()
        process.communicate(timeout=START_SECONDS)


@contextmanager
def running_portal(folder: Path, port: int, issuer: str, keys: list[ProviderKey]) -> Iterator[str]:
    """Run a portal whose only provider is this one; no service is behind it."""
    entry = {
        "issuer": issuer,
        "institution_id": "vnu",
        "algorithms": ["ES256"],
        "keys": {key.id: key.pem() for key in keys},
    }
    table = folder / "issuers.json"
    table.write_text(json.dumps({"issuers": [entry]}))
    address = f"http://127.0.0.1:{port}"
    provider = {
        "institution_id": "vnu",
        "issuer": issuer,
        "client_id": "kieng-portal",
        "client_secret": SECRET,
        "scope": "openid offline_access",
    }
    settings = Settings(
        _env_file=None,
        issuers_file=table,
        public_url=address,
        sign_in_providers=json.dumps([provider]),
    )
    server = _Quiet(
        uvicorn.Config(application(settings), host="127.0.0.1", port=port, log_config=None)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started, START_SECONDS, "the portal listens")
        yield address
    finally:
        server.should_exit = True
        thread.join()


class _Quiet(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """Only the main thread may."""


class Person:
    """Somebody with cookies, who follows redirects and fills in forms, as a browser does."""

    def __init__(self, portal: str) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=portal, timeout=20.0, limits=limits)
        self._visited: list[str] = []

    def sign_in(self, name: str, back: str = "/health") -> httpx.Response:
        """Sign in at the provider; return the page where that ends."""
        answer = self.follow(self.client.get("/sign-in/vnu", params={"next": back}))
        for _ in range(3):
            if "<form" not in answer.text or "/interaction/" not in str(answer.url):
                break
            answer = self.send(answer, login=name, password="any")
        return answer

    def send(self, page: httpx.Response, **values: str) -> httpx.Response:
        """Send the first form of a page, with these values in its fields."""
        action = ACTION.search(page.text)
        assert action is not None, page.text
        form = page.text[action.start() :].partition("</form>")[0]
        inputs = [dict(ATTRIBUTE.findall(each)) for each in INPUT.findall(form)]
        own = {each["name"]: unescape(each.get("value", "")) for each in inputs if "name" in each}
        fields = own | values
        url = page.url.join(unescape(action[1]))
        return self.follow(self.client.post(url, data=fields))

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Follow redirects as a browser does."""
        until = time.monotonic() + START_SECONDS
        while answer.is_redirect and time.monotonic() < until:
            answer = self.client.get(answer.url.join(answer.headers["location"]))
            self._visited.append(str(answer.url))
        return answer

    def visited(self, path: str) -> str:
        """The last address with this path to which a redirect led."""
        return next(url for url in reversed(self._visited) if path in url)
