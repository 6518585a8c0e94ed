"""Runs Apache Kafka, fetched by Maven, as a single KRaft node on this machine, without a container.

Used by `kieng up --broker kafka` and by the tests marked `kafka`. The node keeps its log in a
directory, so nothing is lost if it is killed and started again with the same directory.
"""

from __future__ import annotations

import base64
import functools
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from services.cli.local.child_process import Child
from services.cli.local.embedded import HOST, LocalBroker, PartMissing

VERSION = "4.4.0"
JAVA_MIN = 17
READY_SECONDS = 120.0
FETCH_SECONDS_MAX = 600
# Enough for some thousands of events per second on a laptop; the JVM needs about as much again.
HEAP_MAX = "-Xmx512m"

POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>kieng</groupId>
  <artifactId>apache-kafka</artifactId>
  <version>{VERSION}</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""

# With one node, internal topics have one replica, and groups form without waiting for members. A
# killed node can register again only when its session has expired, so the session is short.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
"""


def unavailable() -> str:
    """Return which program is missing to fetch and run Apache Kafka; empty if none is.

    E.g. `no mvn: install Apache Maven, which fetches Apache Kafka`.
    """
    java = shutil.which(_java())
    if java is None:
        return f"no java: install a Java runtime, {JAVA_MIN} or newer"
    found = re.search(r'version "(\d+)', _version(java))
    if found is None or int(found[1]) < JAVA_MIN:
        name = found[1] if found else "unknown"
        return f"java is version {name}: install a Java runtime, {JAVA_MIN} or newer"
    if shutil.which("mvn") is None:
        return "no mvn: install Apache Maven, which fetches Apache Kafka"
    return ""


@functools.cache
def _version(java: str) -> str:
    """Return what a program says about its version. To ask starts a JVM, so it is asked once."""
    return subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr


def fetch(cache: Path) -> Path:
    """Return the folder with the jars of Kafka in a cache directory, fetching them if needed.

    Several processes may call this at the same time; all get the same folder.

    Raises:
        PartMissing: Java or Maven is missing, or Maven could not fetch the jars.
    """
    libs = (cache / f"kafka-{VERSION}").resolve()
    if libs.is_dir():
        return libs
    if reason := unavailable():
        raise PartMissing(reason)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as work:
        (Path(work) / "pom.xml").write_text(POM)
        argv = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs"]
        done = subprocess.run(
            argv, cwd=work, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
        )
        if done.returncode:
            last_words = "\n".join((done.stdout + done.stderr).splitlines()[-10:])
            raise PartMissing(f"Maven could not fetch Apache Kafka {VERSION}:\n{last_words}")
        try:
            # A rename, so that the folder exists only when it is complete.
            (Path(work) / "libs").rename(libs)
        except OSError:
            if not libs.is_dir():
                raise
    return libs


def apache_kafka(
    libs: Path, port: int, controller_port: int, directory: Path, log_path: Path
) -> LocalBroker:
    """Return a Kafka node for 127.0.0.1, ready to be started; a new directory is formatted.

    Args:
        libs: folder with the jars, from `fetch`.
        port: port for clients.
        controller_port: port of the node's controller; both ports may change between runs.
        directory: directory of records and settings; an existing log is kept.
        log_path: file to which the node writes its own messages.

    Raises:
        PartMissing: the directory could not be formatted.
    """
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "log"
    properties = directory / "server.properties"
    properties.write_text(
        PROPERTIES.format(host=HOST, port=port, controller_port=controller_port, log=log)
    )
    java = (_java(), HEAP_MAX, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{libs}/*")
    if not (log / "meta.properties").exists():
        _format(java, properties)
    child = Child("broker", (*java, "kafka.Kafka", str(properties)), None, log_path)
    return LocalBroker(child, f"{HOST}:{port}")


def _format(java: tuple[str, ...], properties: Path) -> None:
    """Format a new directory: write a cluster id, and make its node the only controller."""
    arguments = ("format", "--standalone", "-t", _cluster_id(), "-c", str(properties))
    done = subprocess.run(
        (*java, "kafka.tools.StorageTool", *arguments), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PartMissing(f"cannot format {properties.parent}: {done.stdout}{done.stderr}")


def _cluster_id() -> str:
    """Return a new cluster id in Kafka's form: 22 characters without a leading dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _java() -> str:
    """Return the path of `java` in JAVA_HOME if that is set, else its name, found on PATH."""
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"
