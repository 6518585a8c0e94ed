"""Kafka and MongoDB of the Compose file as processes of this machine, set up as the file says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from services.cli.client.trial_authority import TrialAuthority
from services.cli.local import apache_kafka
from tests.deploy.known import COMPOSE

PARTS: dict[str, dict[str, Any]] = yaml.load(COMPOSE.read_text(), yaml.CSafeLoader)["services"]
TLS = "/etc/kieng/tls"
JAVA = ("java", apache_kafka.HEAP_MAX, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp")
CLUSTER = "5L6g3nShT-eMCtK--X86sw"
"""The cluster id that the image of Apache Kafka formats a new folder with."""
TOOLS = "org.apache.kafka.tools.BrokerApiVersionsCommand"


def filled(text: str) -> str:
    """Put the defaults in place of variables; a default may hold another variable."""
    while (found := re.sub(r"\$\{\w+:?-([^${}]*)\}", r"\1", text)) != text:
        text = found
    return text


def certify(folder: Path, part: str) -> Path:
    """Do what a job of the file does: write a certificate with its names; return the folder.

    Args:
        folder: folder of the authority's key, and of the folder that is returned.
        part: name of the job, `certificate` or `store-certificate`.
    """
    command = PARTS[part]["command"]
    names = command[3 : command.index("--folder")]
    TrialAuthority(folder / "authority").certify(
        names, folder / part, is_group_readable="--group" in command
    )
    return folder / part


class Kafka:
    """Apache Kafka with the environment of the file, through the program of its image.

    Args:
        libs: folder with the jars of Apache Kafka.
        folder: where its certificate, its settings and its log lie.
        ports: three free ports, for those of the listeners.
    """

    def __init__(self, libs: Path, folder: Path, ports: list[int]) -> None:
        self.libs, self.folder = libs, folder
        self._there = {"9092": ports[0], "9093": ports[1], "9094": ports[2]}
        self.bootstrap = f"127.0.0.1:{ports[0]}"
        given = PARTS["kafka"]["environment"]
        self.environment = {name: self.here(filled(value)) for name, value in given.items()}

    def here(self, text: str) -> str:
        """Put hosts, ports and folders of this machine in place of those of the container."""
        for port, own in self._there.items():
            text = re.sub(rf"(?:kafka|127\.0\.0\.1|(?<=://)):{port}\b", f"127.0.0.1:{own}", text)
        text = text.replace(TLS, str(self.folder / "store-certificate"))
        return text.replace("/var/lib/kafka/data", str(self.folder / "log"))

    def set_up(self) -> tuple[str, ...]:
        """Write settings and format the log as the image does; return the command that starts."""
        folders = []
        for name in ("default", "mounted", "final"):
            (self.folder / name).mkdir()
            folders += [f"--{name}-configs-dir", str(self.folder / name)]
        done = subprocess.run(
            (*JAVA, f"{self.libs}/*", "kafka.docker.KafkaDockerWrapper", "setup", *folders),
            env={**os.environ, **self.environment, "CLUSTER_ID": CLUSTER},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return (
            *JAVA,
            f"{self.libs}/*",
            "kafka.Kafka",
            str(self.folder / "final/server.properties"),
        )

    def health(self, tools: Path, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run the health check of the file, with the tool of the image.

        Args:
            tools: folder with the jars of Kafka's tools.
            changed: variables that the container would have instead of its own.
        """
        shim = self.folder / "kafka-broker-api-versions.sh"
        shim.write_text(f"#!/bin/sh\nexec {' '.join(JAVA)} '{tools}/*' {TOOLS} \"$@\"\n")
        shim.chmod(0o755)
        kind, script = PARTS["kafka"]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        for there, own in {
            "$$": "$",
            f"/opt/kafka/bin/{shim.name}": str(shim),
            "/tmp/client.properties": str(self.folder / "client.properties"),
        }.items():
            script = script.replace(there, own)
        return subprocess.run(
            ("sh", "-c", self.here(script)),
            env={**os.environ, **self.environment, **changed},
            capture_output=True,
            text=True,
            check=False,
        )


def fetch_tools(libs: Path) -> Path:
    """Return a folder with the jars of Kafka's tools, beside those of Kafka; fetched if missing."""
    folder = libs.with_name(f"tools-{apache_kafka.VERSION}")
    if not folder.is_dir():
        work = libs.with_name(f"fetch-tools-{os.getpid()}")
        work.mkdir()
        (work / "pom.xml").write_text(apache_kafka.POM.replace("kafka_2.13", "kafka-tools"))
        argv = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs"]
        subprocess.run(argv, cwd=work, check=True, timeout=apache_kafka.FETCH_SECONDS_MAX)
        (work / "libs").rename(folder)
        shutil.rmtree(work)
    return folder


def client_settings(name: str, own: Path, stores: dict[str, str]) -> dict[str, str]:
    """Return the variables of Kafka and MongoDB that the file gives a service or job.

    Args:
        name: the service or job.
        own: folder that stands for the one of its certificate.
        stores: address in the file -> address on this machine.
    """
    given = {}
    for variable, text in PARTS[name]["environment"].items():
        if variable.startswith(("KIENG_KAFKA_", "KIENG_MONGO_")):
            value = filled(text).replace(TLS, str(own))
            for there, here in stores.items():
                value = value.replace(there, here)
            given[variable] = value
    return given
