"""A broker and a database that a test owns, so that it can kill them and start them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.embedded import LocalBroker, LocalDatabase
from services.cli.local.ports import free_ports
from tests.conftest import KAFKA_CACHE


@dataclass(frozen=True)
class Parts:
    """What `kieng up` is given with --kafka and --mongo, and so neither watches nor starts."""

    broker: LocalBroker
    database: LocalDatabase

    @property
    def options(self) -> tuple[str, ...]:
        """Options of `kieng up`."""
        return ("--kafka", self.broker.bootstrap, "--mongo", self.database.uri)


@contextmanager
def own_parts(folder: Path, kind: str) -> Iterator[Parts]:
    """Run both in a folder until the block ends; skips when Apache Kafka cannot be had."""
    if kind == "kafka" and (reason := apache_kafka.unavailable()):
        pytest.skip(f"--broker kafka: {reason}")
    port, controller_port, database_port = free_ports(3)
    log = folder / "broker.log"
    if kind == "kafka":
        libs = apache_kafka.fetch(KAFKA_CACHE)
        broker = apache_kafka.apache_kafka(libs, port, controller_port, folder / "kafka", log)
    else:
        broker = embedded.tansu(port, log)
    database = embedded.secantus(database_port, folder / "mongo", folder / "database.log")
    with ChildGroup() as supervisor:
        supervisor.start(broker.child, broker.unready, apache_kafka.READY_SECONDS)
        supervisor.start(database.child, database.unready, embedded.DATABASE_READY_SECONDS)
        yield Parts(broker, database)


def start_again(part: LocalBroker | LocalDatabase) -> None:
    """Start a part that was killed, on what it had stored; return when it answers."""
    part.child.start()
    part.child.wait_until_ready(part.unready, apache_kafka.READY_SECONDS)
