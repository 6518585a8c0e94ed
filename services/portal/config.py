"""Settings of the portal."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from services.kernel.config import KernelSettings, ZoneName


class Settings(KernelSettings):
    """Settings of the portal, in addition to those of the kernel."""

    web_port: int = 0
    """Port of the web pages and of HTTP/JSON; 0 takes a free one."""
    kpi_address: str = "127.0.0.1:50053"
    """gRPC address of the KPI service."""
    submissions_address: str = "127.0.0.1:50051"
    """gRPC address of the submissions service."""
    partners_address: str = "127.0.0.1:50052"
    """gRPC address of the partners service."""
    notifications_address: str = "127.0.0.1:50054"
    """gRPC address of the notifications service."""
    time_zone: ZoneName = "Asia/Ho_Chi_Minh"
    """Time zone of the times on pages and in their documents."""
    session_key: SecretStr = SecretStr("")
    """Keys that encrypt session cookies: 32 bytes in base64url each, joined by commas, the newest
    first; required beyond loopback. Empty: a new one at each start, which ends all sessions."""
    session_minutes: int = 30
    """Time without a request after which a session ends."""
    public_url: str = ""
    """Origin of the portal as browsers see it, e.g. `https://kieng.example.vn`; needed for sign-in
    by OpenID Connect, whose providers send the browser back to it. Reports lead back to it, too."""
    sign_in_providers: SecretStr = SecretStr("")
    """Providers of OpenID Connect: a JSON list of objects with `institution_id`, `issuer`,
    `client_id`, and optionally `client_secret`, `scope` and `resource` (docs/portal.md)."""
    trial_issuer_folder: Path | None = None
    """Folder with the keys of the local issuer of `kieng up`: anybody may sign in as anybody. It is
    refused unless everything is on loopback and every issuer is a local one."""
    requests_per_minute: int = 600
    """Requests that one session or token may make in a minute."""
    requests_per_minute_per_client: int = 6000
    """Requests that one client address may make in a minute, whatever sessions and tokens it
    shows. An institution behind one address needs room for all of its users."""
    trusted_proxies: str = ""
    """Addresses or networks of reverse proxies, joined by commas, whose `X-Forwarded-For` names the
    client. Empty: the client is the peer of the connection."""
    live_pages: int = 500
    """Pages that are updated live at once; further ones stay as they were read."""
