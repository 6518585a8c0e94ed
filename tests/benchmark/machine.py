"""The broker, the database and the processes that a measurement runs on, and what they cost."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient

from kieng.directory.v1 import directory_pb2
from kieng.kpi.v1 import catalogue_pb2
from services.cli.admin import topics
from services.cli.files import catalogue_yaml
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import Child, ChildGroup
from services.cli.local.ports import free_ports
from services.kernel.mongo import Mongo
from services.kpi.config import Settings
from services.kpi.log.identity import describe_log
from services.kpi.store.catalogues import Catalogues
from services.kpi.store.documents import DATABASE, declare
from services.kpi.store.views import View
from tests.benchmark.generator import units

ROOT = Path(__file__).parents[2]
KAFKA_CACHE = ROOT / "build" / "kafka"
INDICATORS = ROOT / "deploy" / "catalogue" / "indicators.yaml"
TICKS = os.sysconf("SC_CLK_TCK")
PART_SECONDS_MAX = 3600.0


def described() -> dict[str, Any]:
    """Name the machine by what matters."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": round(memory)}


def database_program() -> str:
    """Return which embedded database is measured: the faster one when it is on PATH."""
    return "secantusd-rs" if shutil.which("secantusd-rs") else "secantusd-py"


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def idle_seconds() -> float:
    """Return for how long the machine's cores were idle, added up, since it started."""
    return int(Path("/proc/stat").read_text().split(maxsplit=5)[4]) / TICKS


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has held."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def wait_until(happened: Callable[[], Any], seconds: float, what: str, pause: float = 0.02) -> Any:
    """Return the first truth, or raise when it does not come in time."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        signal.sigtimedwait([signal.SIGUSR2], pause)
    return found


@dataclass(frozen=True)
class Database:
    """A running database and the view that is opened in it."""

    uri: str
    child: Child
    mongo: Mongo
    view: View


class Machine:
    """Starts what measurements need; everything ends with the `with` block.

    Args:
        folder: gets data and logs.
        broker_kind: `kafka` or `embedded`.
    """

    def __init__(self, folder: Path, broker_kind: str) -> None:
        self.folder = folder
        self.broker_kind = broker_kind
        self.bootstrap = ""
        self._supervisor = ChildGroup()

    def __enter__(self) -> Machine:
        port, controller_port = free_ports(2)
        log_path = self.folder / "broker.log"
        if self.broker_kind == "kafka":
            libs = apache_kafka.fetch(KAFKA_CACHE)
            data = self.folder / "broker"
            broker = apache_kafka.apache_kafka(libs, port, controller_port, data, log_path)
            seconds = apache_kafka.READY_SECONDS
        else:
            broker, seconds = embedded.tansu(port, log_path), embedded.BROKER_READY_SECONDS
        try:
            self._supervisor.start(broker.child, broker.unready, seconds)
            self.bootstrap = broker.bootstrap
            with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap)) as admin:
                topics.apply(admin, topics.load())
        except BaseException:
            self._supervisor.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._supervisor.stop()

    @contextmanager
    def database(self, tree: Sequence[directory_pb2.Unit] = ()) -> Iterator[Database]:
        """Start an empty database with the catalogue published and a view opened; stop it after.

        The catalogue counts on the benchmark's tree, or on another one.
        """
        folder = Path(tempfile.mkdtemp(prefix="database-", dir=self.folder))
        (port,) = free_ports(1)
        local = embedded.secantus(port, folder / "data", folder / "database.log", native=True)
        with ChildGroup() as supervisor:
            supervisor.start(local.child, local.unready, embedded.DATABASE_READY_SECONDS)
            with closing(Mongo(local.uri, 5000)) as mongo:
                declare(mongo.database(DATABASE))
                catalogues = Catalogues(mongo)
                log = describe_log(Settings(kafka_bootstrap=self.bootstrap))
                view = catalogues.open(log.topic_id, catalogues.publish(catalogue(tree)))
                yield Database(local.uri, local.child, mongo, view)

    def environment(self, database: Database) -> dict[str, str]:
        """Return the settings of a process that works on a database and on the broker."""
        return {
            **os.environ,
            "KIENG_KAFKA_BOOTSTRAP": self.bootstrap,
            "KIENG_KAFKA_MEMBERSHIP": "group" if self.broker_kind == "kafka" else "sole",
            "KIENG_MONGO_URI": database.uri,
        }

    @contextmanager
    def service(self, name: str, database: Database, **settings: str) -> Iterator[Child]:
        """Run one of the services beside a database."""
        environment = {**self.environment(database), **settings}
        argv = [sys.executable, "-m", "services.kernel.runner", name]
        child = Child(name, argv, environment, self.folder / f"{name}.log")
        with ChildGroup() as supervisor:
            supervisor.start(child, lambda: "", 5)
            yield child

    def inside(
        self, part: str, *arguments: object, environment: Mapping[str, str] = os.environ
    ) -> dict[str, Any]:
        """Run a part of `tests.benchmark.inside` in a process of its own; return what it measured.

        Raises:
            RuntimeError: it failed; carries its last words.
        """
        argv = [sys.executable, "-W", "ignore", "-m", "tests.benchmark.inside", part]
        done = subprocess.run(
            [*argv, *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PART_SECONDS_MAX,
            check=False,
        )
        if done.returncode:
            last_words = "\n".join(done.stderr.splitlines()[-5:])
            raise RuntimeError(f"{part} ended with {done.returncode}: {last_words}")
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return measured


def catalogue(tree: Sequence[directory_pb2.Unit] = ()) -> catalogue_pb2.Catalogue:
    """Return the indicators that are deployed, over the benchmark's tree or another one."""
    message = catalogue_yaml.read(INDICATORS)
    message.version = 1
    message.units.extend(tree or units())
    return message
