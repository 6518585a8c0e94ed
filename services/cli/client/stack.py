"""Finds a running stack: from `DIR/stack.json`, or from addresses in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import services
from services.cli.errors import DOWN, Failure

CONSORTIUM = "consortium"
"""Id under which all institutions act together."""
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
"""Names of the processes that have no gRPC port."""
PORTAL = "portal"
"""Name of the service that serves web pages to people."""
PROCESS_OF = {"kpi": "kpi.query"}
"""Service -> process that answers its gRPC calls, if it is named differently."""


@dataclass(frozen=True, slots=True)
class Process:
    """One running process of a stack.

    ``log`` is the path of its log file; ``grpc`` and ``http`` are addresses `host:port`, or empty
    if the process has no such port.
    """

    pid: int
    log: str
    grpc: str = ""
    http: str = ""
    web: str = ""
    """Address of web pages and HTTP/JSON, `host:port`; empty for all processes but the portal."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Variables that `kieng up` set for the process, which `/proc` does not show for a fork."""


@dataclass(frozen=True)
class Stack:
    """A running installation: what one `kieng up` started, or what the environment names.

    ``data`` is the data folder and ``pid`` the process id of `kieng up`, 0 if there is none.
    ``broker`` and ``mongo`` are addresses, empty if unknown. ``broker_kind`` is `embedded`, `kafka`
    or `external`, empty if unknown. ``processes`` maps names of processes to their descriptions.
    """

    data: str
    pid: int = 0
    broker: str = ""
    broker_kind: str = ""
    mongo: str = ""
    processes: Mapping[str, Process] = field(default_factory=dict)
    authority: str = ""
    """File of the authority that signs the services' certificates; empty if gRPC has no TLS."""

    @property
    def issuer_folder(self) -> Path:
        """Folder of the local issuer's keys; it need not exist."""
        return Path(self.data) / "issuer"

    @property
    def issuers_file(self) -> Path:
        """File with the table of issuers that the services trust; it need not exist."""
        return Path(self.data) / "issuers.json"

    @property
    def edition_key_file(self) -> Path:
        """File with the private key that signs editions; it need not exist."""
        return Path(self.data) / "edition-key.pem"

    @property
    def service_key_file(self) -> Path:
        """File with the private key that signs calls between services; it need not exist."""
        return Path(self.data) / "service-key.pem"

    @property
    def authority_folder(self) -> Path:
        """Folder of the trial authority's key; it need not exist."""
        return Path(self.data) / "authority"

    @property
    def tls_folder(self) -> Path:
        """Folder of the services' certificate and key; it need not exist."""
        return Path(self.data) / "tls"

    def address(self, service: str) -> str:
        """Return the gRPC address of a service, `host:port`; the environment takes precedence.

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

    @property
    def is_named(self) -> bool:
        """Whether anything is known about where the stack is: its processes, or any address.

        Addresses come from `stack.json` or from the environment.
        """
        given = (f"KIENG_{service.upper()}_ADDRESS" for service in SERVICES)
        return bool(self.processes or self.broker or self.mongo or any(map(os.environ.get, given)))

    def need_named(self) -> None:
        """Check that `is_named` is true.

        Raises:
            Failure: nothing is known of a stack, so none runs here; the message says how to start
                or name one.
        """
        if not self.is_named:
            raise Failure(
                f"no stack runs in {self.data}: start it with `kieng up --data {self.data}`, or "
                "name another folder with --data or KIENG_DATA",
                DOWN,
            )

    def save(self) -> None:
        """Write `stack.json` to the data folder, atomically."""
        path = Path(self.data) / FILE
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(path)


def find(data: Path) -> Stack:
    """Return the stack that `stack.json` in a data folder describes.

    Without this file, return a stack with the addresses of broker and database in the settings.

    Raises:
        Failure: the file cannot be read.
    """
    path = data / FILE
    if not path.exists():
        # Imported here, because the import takes long and a local stack needs no settings.
        from services.kernel.config import KernelSettings, read

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
