"""The Compose file carried out without an engine: jobs and services as processes of this machine.

Each runs the command line and the environment that the file gives it, with the packages of the
image, as the image's user where this process may choose one. Host names and folders become ports
and folders of this machine, and the embedded broker and database stand in for Kafka and MongoDB:
the database with the TLS that the file asks for; the broker, which has none, in plain text.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from services.cli.admin.probes import http_probe, mongo_unready
from services.cli.local import embedded
from services.cli.local.child_process import Child
from services.cli.local.ports import free_ports
from tests.deploy.compose_stores import filled
from tests.deploy.image import may_change_user
from tests.deploy.known import COMPOSE

PARTS: dict[str, dict[str, Any]] = yaml.load(COMPOSE.read_text(), yaml.CSafeLoader)["services"]
USER = 10001
FOLDERS = (
    "/var/lib/kieng",
    "/etc/kieng/issuers",
    "/etc/kieng/own-issuers",
    "/etc/kieng/editions",
    "/etc/kieng/service-key",
    "/etc/kieng/tls",
    "/etc/kieng/own-tls",
    "/etc/kieng/mongodb",
    "/etc/kieng/stores-tls",
)
STORES = "/etc/kieng/stores-tls"
"""Where the volume lies that Kafka and MongoDB have in place of that of the services."""
JOB_SECONDS = 300
START_SECONDS = 90
STAND_INS = ("kafka", "mongodb", "replica-set")
LEFT_OUT = ("rights",)
"""Jobs that are not carried out: the embedded broker keeps no rights and asks for no password."""


@dataclass
class Rehearsal:
    """One run of the Compose file; `programs` is the folder of the image's commands."""

    folder: Path
    programs: Path
    started: dict[str, Child] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Choose the user, take ports, and make the folders that are volumes in the file."""
        self.is_image_user = may_change_user(self.programs / "python")
        services = [name for name, part in PARTS.items() if _is_service(part)]
        taken = free_ports(4 + 2 * len(services))
        self.ports = {name: taken[4 + 2 * i : 6 + 2 * i] for i, name in enumerate(services)}
        self.parts = taken[:4]
        for path in FOLDERS:
            (self.folder / path[1:]).mkdir(parents=True)
            if self.is_image_user:
                os.chown(self.folder / path[1:], USER, USER)

    def start_stand_ins(self) -> None:
        """Start broker and database, after the jobs that make certificates."""
        broker = embedded.tansu(self.parts[0], self.folder / "broker.log")
        self.bootstrap = broker.bootstrap
        self._start(broker.child, broker.unready)
        assert self.run("certificate") == 0, self.told("certificate")
        log = self.folder / "database.log"
        plain = embedded.secantus(self.parts[2], self.folder / "database", log)
        pair, authority = (self.folder / STORES[1:] / n for n in ("tls-combined.pem", "ca.crt"))
        files = {"cert": pair, "key": pair, "ca": authority}
        options = [part for name, f in files.items() for part in (f"--tls-{name}-file", str(f))]
        argv = (*plain.child.argv, *options, "--tls-require-client-cert")
        self.mongo = self.here(PARTS["partners"]["environment"]["KIENG_MONGO_URI"])
        self._start(Child("database", argv, None, log), lambda: mongo_unready(self.mongo))

    def _start(self, child: Child, unready: Callable[[], str]) -> None:
        self.started[child.name] = child
        child.start()
        child.wait_until_ready(unready, START_SECONDS)

    def here(self, text: str) -> str:
        """Put ports and folders of this machine in place of those of the file."""
        text = filled(text).replace("kafka:9092", self.bootstrap)
        text = text.replace("mongodb:27017", f"127.0.0.1:{self.parts[2]}")
        text = text.replace("replicaSet=kieng", "replicaSet=secantus")
        for name, (grpc, _) in self.ports.items():
            # The chart says trial-kieng-query where the Compose file says kpi-query.
            known = name.removeprefix("kpi-")
            text = re.sub(rf"^({name}|trial-kieng-{known}):50051$", f"127.0.0.1:{grpc}", text)
        for path in FOLDERS:
            text = re.sub(rf"(?<![\w/-]){path}(?=/|$)", str(self.folder / path[1:]), text)
        return text

    def begin(self, name: str) -> subprocess.Popen[bytes]:
        """Start what the file calls so, with what it gives it and nothing of this process."""
        part = PARTS[name]
        command = [*part.get("entrypoint", []), *part["command"]]
        if any(volume.startswith("stores-tls:") for volume in part["volumes"]):
            command = [word.replace("/etc/kieng/tls", STORES) for word in command]
        return self.begin_command(name, command, part["environment"])

    def begin_command(
        self, name: str, words: list[str], given: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start a command line with an environment, both as a deployment file has them."""
        environment = {
            # As the image sets them.
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "KIENG_DATA": str(self.folder / "var/lib/kieng"),
            "KIENG_HOST": "127.0.0.1",
            # The embedded broker knows no groups worth the name.
            "KIENG_KAFKA_MEMBERSHIP": "sole",
            "KIENG_KAFKA_FETCH_WAIT_MS": "20",
            **{key: self.here(value) for key, value in given.items()},
            "KIENG_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
        }
        if name in self.ports:
            grpc, http = self.ports[name]
            environment |= {"KIENG_GRPC_PORT": str(grpc), "KIENG_HTTP_PORT": str(http)}
        command = [self.here(word) for word in words]
        program = self.programs / command[0]
        who: dict[str, Any] = {"user": USER, "group": USER} if self.is_image_user else {}
        with self.log_of(name).open("wb") as log:
            process = subprocess.Popen(
                [program, *command[1:]],
                env=environment,
                cwd=self.folder / "var/lib/kieng",
                stdout=log,
                stderr=subprocess.STDOUT,
                **who,
            )
        self.running[name] = process
        return process

    def run(self, name: str) -> int:
        """Run a job or a command to its end, after what it waits for; return its exit code."""
        self.bring(name)
        return 0 if name in LEFT_OUT else self.begin(name).wait(JOB_SECONDS)

    def bring(self, name: str) -> None:
        """Do what the file makes a part wait for, each once."""
        for other, how in PARTS[name].get("depends_on", {}).items():
            if other in STAND_INS or other in self.running:
                continue
            if how["condition"] == "service_completed_successfully":
                assert self.run(other) == 0, self.told(other)
            else:
                self.serve(other)

    def serve(self, name: str) -> None:
        """Start a service, after what it waits for, and return when it lives."""
        self.bring(name)
        process = self.begin(name)
        probe = http_probe(f"127.0.0.1:{self.ports[name][1]}", "/healthz")
        deadline = time.monotonic() + START_SECONDS
        while reason := probe():
            assert process.poll() is None, self.told(name)
            assert time.monotonic() < deadline, f"{name}: {reason}\n{self.told(name)}"
            _pause(process)

    def log_of(self, name: str) -> Path:
        """The file that a part writes to."""
        return self.folder / f"{name.replace('/', '-')}.log"

    def told(self, name: str) -> str:
        """The last words of a part."""
        text = self.log_of(name).read_text(errors="replace")
        return f"{name} said:\n{text[-3000:]}"

    def end(self) -> dict[str, int]:
        """Stop every service at once, as `docker compose stop` does; return the exit codes."""
        left = {name: p for name, p in self.running.items() if p.poll() is None}
        for process in left.values():
            process.terminate()
        codes = {}
        for name, process in left.items():
            grace = int(PARTS[name].get("stop_grace_period", "10s").removesuffix("s"))
            try:
                codes[name] = process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = process.wait()
        for child in reversed(self.started.values()):
            child.stop()
        return codes


def _is_service(part: dict[str, Any]) -> bool:
    return list(part.get("command", []))[:3] == ["python", "-m", "services.kernel.runner"]


def _pause(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        return
