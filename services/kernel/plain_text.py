"""Where plain text is allowed: on loopback, and to Kafka and MongoDB if a setting says so."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from pydantic_core import MultiHostUrl

UNVERIFIED = ("tlsinsecure", "tlsallowinvalidcertificates", "tlsallowinvalidhostnames")
"""Options of a MongoDB URI, in lower case, with which anybody in between can pose as the server."""


def is_loopback(host: str) -> bool:
    """Return True if a host is on loopback; of names, only `localhost` is.

    Args:
        host: IP address, also in brackets, or host name.
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def why_unsafe(setting: str, given: Mapping[str, Any]) -> str:
    """Return why a setting that allows plain text would have to be true; empty if it need not be.

    Args:
        setting: `kafka_plain_text` or `mongo_plain_text`.
        given: the settings that say how brokers and database are reached, by name.

    Raises:
        ValueError: `mongo_uri` is no URI. The message does not repeat it: it may hold a password.
    """
    if setting == "mongo_plain_text":
        return database_unsafe(given["mongo_uri"])
    hosts = [text.strip().rpartition(":")[0] for text in given["kafka_bootstrap"].split(",")]
    beyond = [host for host in hosts if not is_loopback(host)]
    if not beyond or "SSL" in given.get("kafka_security_protocol", "SSL"):
        return ""
    return _told(beyond[0], "KIENG_KAFKA_SECURITY_PROTOCOL=SASL_SSL", "KAFKA")


def database_unsafe(uri: str) -> str:
    """Return why a MongoDB URI is unsafe: it leads beyond loopback without verified TLS; or empty.

    Raises:
        ValueError: the text is no URI; the message does not repeat it.
    """
    try:
        parsed = MultiHostUrl(uri)
    except ValueError:
        raise ValueError("KIENG_MONGO_URI is no URI, mongodb://HOST:PORT/?...") from None
    options = {name.lower(): value.lower() for name, value in parsed.query_params()}
    default = "true" if parsed.scheme == "mongodb+srv" else "false"
    is_encrypted = options.get("tls", options.get("ssl", default)) == "true"
    if is_encrypted and "true" not in map(options.get, UNVERIFIED):
        return ""
    hosts = [str(host["host"]) for host in parsed.hosts()]
    beyond = [host for host in hosts if not is_loopback(host)]
    return _told(beyond[0], "tls=true in the URI, verified", "MONGO") if beyond else ""


def _told(host: str, safe: str, kind: str) -> str:
    allowed = f"KIENG_{kind}_PLAIN_TEXT=true"
    return f"{host} would be reached without verified TLS: use {safe}, or set {allowed}"
