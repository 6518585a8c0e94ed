"""Where a running stack is: `DIR/stack.json`, or the addresses in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import services
from services.cli.errors import DOWN, Failure
from services.kernel.config import KernelSettings, read

FILE = "stack.json"
ROOT = Path(services.__file__).parents[1]
DEPLOY = ROOT / "deploy"
DATA = Path(".kieng")
SERVICES = (
    "partners",
    "submissions",
    "kpi.aggregator",
    "kpi.query",
    "notifications",
    "exporter",
    "portal",
)
WITHOUT_GRPC = frozenset({"kpi.aggregator", "exporter", "portal"})
"""Services that answer no calls, and open no port for them."""
PORTAL = "portal"
"""The service that people meet with a browser."""
PROCESS_OF = {"kpi": "kpi.query"}
"""Process that answers the gRPC of a service, where it is not named like the service."""


@dataclass(frozen=True, slots=True)
class Process:
    """One running process and where to ask it; texts are empty when there is no such port."""

    pid: int
    log: str
    grpc: str = ""
    http: str = ""
    web: str = ""
    """Address of web pages and HTTP/JSON; only the portal has them."""


@dataclass(frozen=True)
class Stack:
    """What one `kieng up` started, or what the environment names."""

    data: str
    pid: int = 0
    broker: str = ""
    broker_kind: str = ""
    mongo: str = ""
    processes: Mapping[str, Process] = field(default_factory=dict)
    authority: str = ""
    """File with the authority of the services' certificates; empty: gRPC is plain text."""

    @property
    def issuer_folder(self) -> Path:
        """Folder with the keys of the local issuer; it need not exist."""
        return Path(self.data) / "issuer"

    @property
    def issuers_file(self) -> Path:
        """Table of issuers that the services trust; it need not exist."""
        return Path(self.data) / "issuers.json"

    @property
    def edition_key_file(self) -> Path:
        """Private key that signs editions; it need not exist."""
        return Path(self.data) / "edition-key.pem"

    @property
    def service_key_file(self) -> Path:
        """Private key that signs calls between services; it need not exist."""
        return Path(self.data) / "service-key.pem"

    @property
    def authority_folder(self) -> Path:
        """Folder with the key of the trial authority; it need not exist."""
        return Path(self.data) / "authority"

    @property
    def tls_folder(self) -> Path:
        """Folder with the certificate of the services; it need not exist."""
        return Path(self.data) / "tls"

    def address(self, service: str) -> str:
        """Return `host:port` of a service's gRPC.

        Raises:
            Failure: the address of the service is not known.
        """
        variable = f"KIENG_{service.upper()}_ADDRESS"
        if given := os.environ.get(variable):
            return given
        process = self.processes.get(PROCESS_OF.get(service, service))
        if process is None or not process.grpc:
            raise Failure(
                f"no address of {service}: run `kieng up --data {self.data}`, name its folder with "
                f"--data or KIENG_DATA, or set {variable}=host:port",
                DOWN,
            )
        return process.grpc

    def save(self) -> None:
        """Write the file atomically."""
        path = Path(self.data) / FILE
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(path)


def find(data: Path) -> Stack:
    """Read the stack of a data folder; without the file only the environment has addresses.

    Raises:
        Failure: the file cannot be read.
    """
    path = data / FILE
    if not path.exists():
        settings, _ = read(KernelSettings)
        given = settings.model_fields_set if settings is not None else set()
        named = {name: str(getattr(settings, name)) for name in given}
        broker, mongo = named.get("kafka_bootstrap", ""), named.get("mongo_uri", "")
        return Stack(str(data), broker=broker, mongo=mongo)
    try:
        content = json.loads(path.read_text())
        content["processes"] = {
            name: Process(**process) for name, process in content["processes"].items()
        }
        return Stack(**content)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise Failure(f"{path} cannot be read ({error}); `kieng up` writes it anew") from error
