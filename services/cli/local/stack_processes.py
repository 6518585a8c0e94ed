"""Starts the processes of a local stack in order, and stops them in reverse order."""

from __future__ import annotations

import json
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
from services.cli.client.local_issuer import CALLING, LocalIssuer, write_key
from services.cli.client.stack import PORTAL, SERVICES, WITHOUT_GRPC, Process, Stack
from services.cli.client.trial_authority import TrialAuthority
from services.cli.errors import DOWN, USAGE, Failure
from services.cli.local import apache_kafka, data_folder, embedded
from services.cli.local.child_process import Child, free_ports, taken_ports
from services.cli.terminal.screen import Screen
from services.kernel.mongo import Mongo

HOST = "127.0.0.1"
SERVICE_SECONDS = 3.5
"""Time that services have to stop before they are killed, which loses no acknowledged write."""
STOP_SECONDS = 6.5
"""Time that the whole stack has to stop; broker and database have what the services left."""
DATABASE_MS = 5000
HEALTHY_SECONDS = 60.0
RUNNER = (sys.executable, "-m", "services.kernel.runner")
SIGNS = "kpi.query"
"""Process that signs editions, the only one that gets the key."""
KEYS = tuple(f"KIENG_{kind}_KEY{end}" for kind in ("EDITION", "SERVICE") for end in ("", "_FILE"))
"""Environment variables of private keys, which only the processes that sign inherit."""

Prepare = Callable[[str, str], None]
"""Function called with the addresses of broker and database before any service starts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of `kieng up`.

    ``directory`` and ``catalogue`` are the files that seed a new stack. ``kafka`` and ``mongo`` are
    addresses of an external broker and database; if empty, the stack starts its own. ``ports`` is
    the first of consecutive ports; 0 takes free ones.
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
    """The processes of one stack (broker and database are `parts`), stopped when it is left."""

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
        """Start all processes and return when each of them answers.

        Raises:
            Failure: a program is missing, a port is taken, or a process died or does not answer.
        """
        try:
            ports = self._ports()
            bootstrap, mongo = self._start_parts(ports[:3])
            if self.plan.prepare is not None:
                self.plan.prepare(bootstrap, mongo)
            self._apply_topics(bootstrap)
            self._apply_schemas(mongo)
            issuer = LocalIssuer(self.stack.issuer_folder)
            institutions = [*self.institutions, stacks.CONSORTIUM]
            issuer.create(institutions, self.stack.issuers_file, self.stack.service_key_file)
            write_key(self.stack.edition_key_file)
            if self.plan.tls:
                authority = TrialAuthority(self.stack.authority_folder)
                authority.certify(["localhost", HOST], self.stack.tls_folder)
            self._start_services(ports[3:], bootstrap, mongo)
        except (RuntimeError, OSError) as error:
            raise Failure(str(error), DOWN) from error

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

    def _start_parts(self, ports: list[int]) -> tuple[str, str]:
        logs, plan = self.plan.data / "logs", self.plan
        bootstrap, mongo = plan.kafka, plan.mongo
        waits = []
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
        for child, unready, seconds in waits:
            child.wait_until_ready(unready, seconds)
        return bootstrap, mongo

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
                database_schema.apply(schema, mongo.database(name), self.screen.messages.print)

    def _start_services(self, ports: list[int], bootstrap: str, mongo: str) -> None:
        addresses = {name: ports[2 * i : 2 * i + 2] for i, name in enumerate(SERVICES)}
        shared = self._environment(bootstrap, mongo, addresses)
        processes = {}
        for name, (grpc_port, http_port) in addresses.items():
            env = {**shared, "KIENG_GRPC_PORT": str(grpc_port), "KIENG_HTTP_PORT": str(http_port)}
            if name == CALLING:
                env["KIENG_SERVICE_KEY_FILE"] = str(self.stack.service_key_file)
            if name == SIGNS:
                env["KIENG_EDITION_KEY_FILE"] = str(self.stack.edition_key_file)
            if name == PORTAL:
                # With the keys of the issuers anybody signs in.
                env |= {"KIENG_GRPC_PORT": "0", "KIENG_WEB_PORT": str(grpc_port)}
                env["KIENG_TRIAL_ISSUER_FOLDER"] = str(self.stack.issuer_folder)
            log = self.plan.data / "logs" / f"{name}.log"
            child = Child(name, (*RUNNER, name), env, log)
            self.screen.say("up.starting", name=name)
            child.start()
            self.services.append(child)
            grpc = "" if name in WITHOUT_GRPC else f"{HOST}:{grpc_port}"
            web = f"{HOST}:{grpc_port}" if name == PORTAL else ""
            found = (str(log.resolve()), grpc, f"{HOST}:{http_port}", web)
            processes[name] = Process(child.pid, *found)
        for part in self.parts:
            processes[part.name] = Process(part.pid, str(part.log_path.resolve()))
        self._save_stack(processes, bootstrap, mongo)
        for child in self.services:
            probe = probes.http_probe(processes[child.name].http, "/healthz")
            child.wait_until_ready(probe, HEALTHY_SECONDS)

    def _save_stack(self, processes: dict[str, Process], bootstrap: str, mongo: str) -> None:
        kind = "external" if self.plan.kafka else self.plan.broker
        data = str(self.plan.data.resolve())
        authority = str(self.stack.tls_folder / "ca.crt") if self.plan.tls else ""
        self.stack = Stack(data, os.getpid(), bootstrap, kind, mongo, processes, authority)
        self.stack.save()

    def restarted(self, child: Child) -> None:
        """Record the process id of a restarted process in the file of the stack."""
        old = self.stack.processes[child.name]
        process = replace(old, pid=child.pid)
        processes = {**self.stack.processes, child.name: process}
        try:
            self._save_stack(processes, self.stack.broker, self.stack.mongo)
        except OSError as error:
            # The disk is full. The addresses in the file stay valid; a later restart writes it.
            self.screen.say("up.not_saved", "yellow", reason=error)

    def _environment(
        self, bootstrap: str, mongo: str, addresses: dict[str, list[int]]
    ) -> dict[str, str]:
        # A key is for the one process that signs by it.
        outer = {name: text for name, text in os.environ.items() if name not in KEYS}
        is_alone = not self.plan.kafka and self.plan.broker == "embedded"
        own = {
            "KIENG_HOST": HOST,
            "KIENG_KAFKA_BOOTSTRAP": bootstrap,
            "KIENG_MONGO_URI": mongo,
            "KIENG_ISSUERS_FILE": str(self.stack.issuers_file),
            "KIENG_DISK_FOLDER": str(self.plan.data.resolve()),
            "KIENG_INSTITUTIONS": json.dumps(self.institutions),
            "KIENG_PARTNERS_ADDRESS": f"{HOST}:{addresses['partners'][0]}",
            "KIENG_SUBMISSIONS_ADDRESS": f"{HOST}:{addresses['submissions'][0]}",
            "KIENG_KPI_ADDRESS": f"{HOST}:{addresses['kpi.query'][0]}",
            "KIENG_NOTIFICATIONS_ADDRESS": f"{HOST}:{addresses['notifications'][0]}",
        }
        if self.plan.tls:
            own |= tls_settings(self.stack.tls_folder)
        # The local issuer names the services that a token is for.
        strict = {"KIENG_AUDIENCES": "none"}
        if is_alone:
            # The embedded broker takes seconds to form a group, and holds back an empty fetch.
            own |= {"KIENG_KAFKA_MEMBERSHIP": "sole"}
            return {"KIENG_KAFKA_FETCH_WAIT_MS": "20", **strict, **outer, **own}
        return {**strict, **outer, **own}

    def _kill(self, number: int, frame: object) -> None:
        """Kill all processes; handles a signal that arrives while they are being stopped."""
        for child in [*self.services, *self.parts]:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


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


def tls_settings(folder: Path) -> dict[str, str]:
    """Return name -> value of the variables by which a service uses the certificate in a folder."""
    files = {"CERTIFICATE": "tls.crt", "KEY": "tls.key", "AUTHORITY": "ca.crt"}
    return {f"KIENG_TLS_{name}_FILE": str(folder / file) for name, file in files.items()}


def read_institutions(directory: Path) -> list[str]:
    """Return the ids of the institutions in a directory file, in its order.

    Raises:
        Failure: the file cannot be read, or is not a directory file.
    """
    try:
        units = yaml.safe_load(directory.read_text(encoding="utf-8"))["units"]
        return [unit["unit_id"] for unit in units if unit["kind"] == "institution"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise Failure(f"{directory}: not a directory of units: {error}", USAGE) from error


def kafka_cache() -> Path:
    """Return the folder in which the jars of Apache Kafka are cached."""
    if (stacks.ROOT / "pyproject.toml").exists():
        return stacks.ROOT / "build" / "kafka"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kieng"
