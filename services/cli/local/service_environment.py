"""The environment variables of the services of a local stack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.cli.client.local_issuer import CALLING
from services.cli.client.stack import PORTAL, PROCESS_OF, Stack

HOST = "127.0.0.1"
SIGNS = "kpi.query"
"""Process that signs editions; no other process gets the key."""
KEYS = tuple(f"KIENG_{kind}_KEY{end}" for kind in ("EDITION", "SERVICE") for end in ("", "_FILE"))
"""Names of the variables with private keys, which only the processes that sign inherit."""


def inherited() -> dict[str, str]:
    """Return name -> value of the variables of this process, except private keys.

    Each key is given only to the process that signs with it.
    """
    return {name: text for name, text in os.environ.items() if name not in KEYS}


def of_stack(
    stack: Stack, institutions: Sequence[str], outer: Mapping[str, str], *, tls: bool = False
) -> dict[str, str]:
    """Return name -> value of the variables that all services get: the places in the stack.

    Args:
        stack: the stack, with the addresses of broker and database.
        institutions: ids of the institutions that have databases.
        outer: variables that the services inherit. Values that are only recommended, e.g. that of
            KIENG_AUDIENCES, are replaced by those in it; addresses are not.
        tls: whether gRPC uses TLS, with the certificate in the folder of the stack.
    """
    own = {
        "KIENG_HOST": HOST,
        "KIENG_KAFKA_BOOTSTRAP": stack.broker,
        "KIENG_MONGO_URI": stack.mongo,
        "KIENG_ISSUERS_FILE": str(stack.issuers_file),
        "KIENG_DISK_FOLDER": stack.data,
        "KIENG_INSTITUTIONS": json.dumps(institutions),
        "KIENG_BELL_FOLDER": str(Path(stack.data) / "bell"),
    }
    # The local issuer names the services that a token is for.
    advisable = {"KIENG_AUDIENCES": "none"}
    if stack.broker_kind == "embedded":
        # The embedded broker takes seconds to form a group, and holds back an empty fetch.
        own |= {"KIENG_KAFKA_MEMBERSHIP": "sole"}
        advisable |= {"KIENG_KAFKA_FETCH_WAIT_MS": "20"}
    if tls:
        own |= tls_settings(stack.tls_folder)
    return {name: outer.get(name, text) for name, text in advisable.items()} | own


def addresses(ports: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Return name -> value of the variables by which services find each other.

    E.g. `{"KIENG_KPI_ADDRESS": "127.0.0.1:20017", ...}`. ``ports`` maps the name of each process to
    its gRPC and its HTTP port.
    """
    services = ("partners", "submissions", "kpi", "notifications")
    return {
        f"KIENG_{name.upper()}_ADDRESS": f"{HOST}:{ports[PROCESS_OF.get(name, name)][0]}"
        for name in services
    }


def of_service(name: str, stack: Stack, port: int, http_port: int) -> dict[str, str]:
    """Return name -> value of the variables that only one process gets: its ports and its keys.

    Args:
        name: name of the process.
        stack: the stack, with the folder of the keys.
        port: its port for gRPC, or for web pages.
        http_port: its port for metrics and health.
    """
    own = {"KIENG_GRPC_PORT": str(port), "KIENG_HTTP_PORT": str(http_port)}
    if name == CALLING:
        own["KIENG_SERVICE_KEY_FILE"] = str(stack.service_key_file)
    if name == SIGNS:
        own["KIENG_EDITION_KEY_FILE"] = str(stack.edition_key_file)
    if name == PORTAL:
        # With the keys of the local issuer, anyone can sign in to the portal of a trial.
        own |= {"KIENG_GRPC_PORT": "0", "KIENG_WEB_PORT": str(port)}
        own["KIENG_TRIAL_ISSUER_FOLDER"] = str(stack.issuer_folder)
    return own


def tls_settings(folder: Path) -> dict[str, str]:
    """Return name -> value of the variables that make a service use the certificate in a folder."""
    files = {"CERTIFICATE": "tls.crt", "KEY": "tls.key", "AUTHORITY": "ca.crt"}
    return {f"KIENG_TLS_{name}_FILE": str(folder / file) for name, file in files.items()}
