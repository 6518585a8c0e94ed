"""Starts the processes of a local stack in order, and stops them in reverse order."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from services.cli.admin import broker, database_schema, probes, topics
from services.cli.client import stack as stacks
from services.cli.client.local_issuer import LocalIssuer, write_key
from services.cli.client.stack import PORTAL, SERVICES, WITHOUT_GRPC, Process, Stack
from services.cli.client.trial_authority import TrialAuthority
from services.cli.errors import DOWN, USAGE, Failure
from services.cli.files.text_file import read_text
from services.cli.local import apache_kafka, data_folder, embedded
from services.cli.local import service_environment as environment
from services.cli.local.child_process import Child, Start, Unready
from services.cli.local.nursery import Nursery
from services.cli.local.ports import free_ports, taken_ports
from services.cli.local.service_environment import HOST
from services.cli.terminal.screen import Screen
from services.kernel.mongo import Mongo

SERVICE_SECONDS = 3.5
"""Time that services have to stop before they are killed; no acknowledged write is lost then."""
STOP_SECONDS = 6.5
"""Time that the whole stack has to stop; broker and database get what the services leave of it."""
DATABASE_MS = 5000
HEALTHY_SECONDS = 60.0
RUNNER = (sys.executable, "-m", "services.kernel.runner")
Wait = tuple[Child, Unready, float]
"""A started child, the probe that says whether it is ready, and the seconds that it may take."""
Prepare = Callable[[str, str], None]
"""Function called with the addresses of broker and database before any service starts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of `kieng up`.

    ``data`` is the data folder. ``directory`` and ``catalogue`` are the files that seed a new
    stack; ``partners`` is a CSV file of partners, None for none. ``broker`` is `embedded` or
    `kafka`. ``kafka`` and ``mongo`` are addresses of an external broker and database; if empty, the
    stack starts its own. ``ports`` is the first of consecutive ports; 0 takes free ones.
    ``prepare`` is called before any service starts. ``tls`` makes gRPC use TLS.
    """

    data: Path
    directory: Path
    catalogue: Path
    broker: str = "embedded"
    kafka: str = ""
    mongo: str = ""
    ports: int = 0
    partners: Path | None = None
    prepare: Prepare | None = None
    tls: bool = False


class Launch:
    """The processes of one stack: a context manager that stops them at the end of its block.

    ``parts`` are the broker and the database, ``services`` all others. ``stack`` describes the
    stack, completely once `start` has returned.
    """

    def __init__(self, plan: Plan, screen: Screen) -> None:
        self.plan = plan
        self.screen = screen
        self.parts: list[Child] = []
        self.services: list[Child] = []
        self.stack = Stack(str(plan.data.resolve()), os.getpid())
        self.institutions = read_institutions(plan.directory)
        self._folder = ExitStack()

    def __enter__(self) -> Self:
        self._folder.enter_context(data_folder.held(self.plan.data, self.screen))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._kill)
        signal.signal(signal.SIGTERM, self._kill)
        if self.parts or self.services:
            self.screen.say("up.stopping")
        began = time.monotonic()
        _stop(self.services, SERVICE_SECONDS)
        _stop(self.parts, began + STOP_SECONDS - time.monotonic())
        (self.plan.data / "stack.json").unlink(missing_ok=True)
        self._folder.close()

    def start(self) -> None:
        """Start all processes, and return when each of them answers.

        Raises:
            Failure: a program is missing, a port is taken, or a process died or does not answer.
        """
        log = self.plan.data / "logs" / "nursery.log"
        try:
            ports = self._ports()
            # The nursery imports while broker and database start.
            with Nursery(environment.inherited(), log) as nursery:
                self._start(ports, nursery.fork)
        except (RuntimeError, OSError) as error:
            raise Failure(str(error), DOWN) from error

    def _start(self, ports: list[int], fork: Start) -> None:
        bootstrap, mongo, waits = self._start_parts(ports[:3])
        _await(waits[:1])
        if self.plan.prepare is None:
            # The broker is ready long before the database; meanwhile there is something to do.
            self._apply_topics(bootstrap)
            self._create_keys()
        _await(waits[1:])
        if self.plan.prepare is not None:
            self.plan.prepare(bootstrap, mongo)
            self._apply_topics(bootstrap)
            self._create_keys()
        self._apply_schemas(mongo)
        self._start_services(ports[3:], bootstrap, mongo, fork)

    def _create_keys(self) -> None:
        """Create the missing keys of issuer, service and editions; with TLS, a certificate."""
        issuer = LocalIssuer(self.stack.issuer_folder)
        institutions = [*self.institutions, stacks.CONSORTIUM]
        issuer.create(institutions, self.stack.issuers_file, self.stack.service_key_file)
        write_key(self.stack.edition_key_file)
        if self.plan.tls:
            authority = TrialAuthority(self.stack.authority_folder)
            authority.certify(["localhost", HOST], self.stack.tls_folder)

    def _ports(self) -> list[int]:
        """Return ports of broker, controller, database; then gRPC (or web) and HTTP of services."""
        count, first = 3 + 2 * len(SERVICES), self.plan.ports
        if not first:
            return free_ports(count)
        ports = list(range(first, first + count))
        if taken := taken_ports(ports):
            listed = ", ".join(map(str, taken))
            raise Failure(self.screen.text("up.taken_ports", ports=listed, count=count), DOWN)
        return ports

    def _start_parts(self, ports: list[int]) -> tuple[str, str, list[Wait]]:
        """Start the broker and the database that are not external; the broker is awaited first."""
        logs, plan = self.plan.data / "logs", self.plan
        bootstrap, mongo = plan.kafka, plan.mongo
        waits: list[Wait] = []
        if not bootstrap:
            local = self._broker(ports)
            bootstrap = local.bootstrap
            waits.append((local.child, local.unready, apache_kafka.READY_SECONDS))
        elif reason := probes.kafka_unready(bootstrap):
            raise Failure(f"no Kafka: {reason}", DOWN)
        if not mongo:
            database = embedded.secantus(ports[2], plan.data / "mongo", logs / "database.log")
            mongo = database.uri
            waits.append((database.child, database.unready, embedded.DATABASE_READY_SECONDS))
        elif reason := probes.mongo_unready(mongo):
            raise Failure(f"no MongoDB: {reason}", DOWN)
        for child, _, _ in waits:
            self.screen.say("up.starting", name=child.name)
            self.parts.append(child)
            child.start()
        return bootstrap, mongo, waits

    def _broker(self, ports: list[int]) -> embedded.LocalBroker:
        log = self.plan.data / "logs" / "broker.log"
        if self.plan.broker == "embedded":
            return embedded.tansu(ports[0], log)
        libs = apache_kafka.fetch(kafka_cache())
        folder = self.plan.data / "kafka"
        return apache_kafka.apache_kafka(libs, ports[0], ports[1], folder, log)

    def _apply_topics(self, bootstrap: str) -> None:
        admin = broker.admin(bootstrap)
        try:
            topics.apply(admin, topics.load())
        finally:
            admin.close()

    def _apply_schemas(self, uri: str) -> None:
        with closing(Mongo(uri, DATABASE_MS)) as mongo:
            for schema, name in database_schema.databases(self.institutions):
                database_schema.prepare(schema, mongo.database(name), self.screen.messages.print)

    def _start_services(self, ports: list[int], bootstrap: str, mongo: str, fork: Start) -> None:
        kind = "external" if self.plan.kafka else self.plan.broker
        self.stack = replace(self.stack, broker=bootstrap, broker_kind=kind, mongo=mongo)
        pairs = {name: ports[2 * i : 2 * i + 2] for i, name in enumerate(SERVICES)}
        inherited = environment.inherited()
        shared = environment.of_stack(self.stack, self.institutions, inherited, tls=self.plan.tls)
        shared |= environment.addresses(pairs)
        processes = {}
        for name, (port, http_port) in pairs.items():
            own = shared | environment.of_service(name, self.stack, port, http_port)
            log = self.plan.data / "logs" / f"{name}.log"
            child = Child(name, (*RUNNER, name), {**inherited, **own}, log)
            self.screen.say("up.starting", name=name)
            child.start(fork)
            self.services.append(child)
            grpc = "" if name in WITHOUT_GRPC else f"{HOST}:{port}"
            web = f"{HOST}:{port}" if name == PORTAL else ""
            found = (str(log.resolve()), grpc, f"{HOST}:{http_port}", web)
            processes[name] = Process(child.pid, *found, settings=own)
        for part in self.parts:
            processes[part.name] = Process(part.pid, str(part.log_path.resolve()))
        self._save_stack(processes)
        for child in self.services:
            probe = probes.http_probe(processes[child.name].http, "/healthz")
            child.wait_until_ready(probe, HEALTHY_SECONDS)

    def _save_stack(self, processes: dict[str, Process]) -> None:
        authority = str(self.stack.tls_folder / "ca.crt") if self.plan.tls else ""
        self.stack = replace(self.stack, processes=processes, authority=authority)
        self.stack.save()

    def restarted(self, child: Child) -> None:
        """Store the new process id of a restarted process in `stack.json`.

        If the file cannot be written, e.g. because the disk is full, a warning is printed.
        """
        old = self.stack.processes[child.name]
        process = replace(old, pid=child.pid)
        processes = {**self.stack.processes, child.name: process}
        try:
            self._save_stack(processes)
        except OSError as error:
            # The disk is full. The addresses in the file stay valid; a later restart writes it.
            self.screen.say("up.not_saved", "yellow", reason=error)

    def _kill(self, number: int, frame: object) -> None:
        """Kill all processes; handles a signal that arrives while they are being stopped."""
        for child in [*self.services, *self.parts]:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def _await(waits: Iterable[Wait]) -> None:
    """Wait until each child is ready; raises `ChildFailed` if one dies or takes too long."""
    for child, unready, seconds in waits:
        child.wait_until_ready(unready, seconds)


def _stop(children: Iterable[Child], seconds: float) -> None:
    """Stop children concurrently; a signal can interrupt the wait and kill them."""
    threads = [
        threading.Thread(target=child.stop, args=(seconds,), daemon=True) for child in children
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)


def read_institutions(directory: Path) -> list[str]:
    """Return the ids of the institutions in a directory file, in the order of the file.

    Raises:
        Failure: the file cannot be read, or is not a directory file.
    """
    try:
        units = yaml.load(read_text(directory), yaml.CSafeLoader)["units"]
        return [unit["unit_id"] for unit in units if unit["kind"] == "institution"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise Failure(f"{directory}: not a directory of units: {error}", USAGE) from error


def kafka_cache() -> Path:
    """Return the folder in which the jars of Apache Kafka are cached; it need not exist.

    It is `build/kafka` in a checkout of Kiềng, otherwise `kieng` in the cache folder of the user.
    """
    if (stacks.ROOT / "pyproject.toml").exists():
        return stacks.ROOT / "build" / "kafka"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kieng"
