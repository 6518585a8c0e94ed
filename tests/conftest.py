"""A real broker and a real database for the tests that want them, started once per session.

Each pytest process (each worker of pytest-xdist, too) starts its own on free ports, and only when a
test asks. `--broker kafka` takes Apache Kafka instead of the embedded broker.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest
from kafka import KafkaAdminClient

from services.cli import apache_kafka, embedded, topics
from services.cli.processes import Supervisor, free_ports
from services.kpi.log_identity import SUBMISSIONS

FOLDER = Path(__file__).parent
RUNNING = ("e2e", "integration", "chaos")
"""Folders whose tests start brokers, databases and services, one set for all of a folder."""
MEASURED = pytest.StashKey[list[str]]()
TOLD: list[str] = []
KAFKA_CACHE = Path(__file__).parents[1] / "build" / "kafka"


@dataclass(frozen=True)
class RunningBroker:
    """Where clients find a broker, the ids of the topics made on it (see topics.yaml), its pid."""

    bootstrap: str
    topic_ids: Mapping[str, str]
    pid: int


@dataclass(frozen=True)
class RunningDatabase:
    """Where clients find a database, and its pid; take a database name of your own on it."""

    uri: str
    pid: int


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--broker",
        choices=("embedded", "kafka"),
        default="embedded",
        help="what the tests that need a broker run against (default: embedded)",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together in one process what shares a stack, a broker, or the fixtures of a module."""
    for item in items:
        folder = item.path.relative_to(FOLDER).parts[0]
        group = folder if folder in RUNNING else item.path.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def measured(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Call it with a line that the end of the test run shows."""
    return pytestconfig.stash.setdefault(MEASURED, []).append


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if call.when == "teardown":
        lines = item.config.stash.get(MEASURED, [])
        item.user_properties += [("measured", line) for line in lines]
        lines.clear()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take over what was measured, perhaps by another process."""
    if report.when == "teardown":
        TOLD.extend(str(line) for name, line in report.user_properties if name == "measured")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in TOLD:
        terminalreporter.write_line(f"measured: {line}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kafka: needs Java and Maven, runs a real Apache Kafka")
    # Whoever asks for Kafka must not get a green run in which everything was skipped.
    if config.getoption("--broker") == "kafka" and (reason := apache_kafka.unavailable()):
        raise pytest.UsageError(f"--broker kafka: {reason}")


@pytest.fixture(scope="session")
def start_broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., RunningBroker]]:
    """Starts brokers of the chosen kind with all topics; all are stopped when the session ends.

    It may be told how many partitions the submissions get; everything else has one.
    """
    kind: str = request.config.getoption("--broker")
    with Supervisor() as supervisor:

        def start(partitions: int = 1) -> RunningBroker:
            directory = tmp_path_factory.mktemp("broker")
            port, controller_port = free_ports(2)
            log_path = directory / "broker.log"
            if kind == "kafka":
                libs = apache_kafka.fetch(KAFKA_CACHE)
                broker = apache_kafka.apache_kafka(
                    libs, port, controller_port, directory / "data", log_path
                )
                supervisor.start(broker.child, broker.unready, apache_kafka.READY_SECONDS)
            else:
                broker = embedded.tansu(port, log_path)
                supervisor.start(broker.child, broker.unready, embedded.BROKER_READY_SECONDS)
            table = [
                replace(topic, partitions=partitions) if topic.name == SUBMISSIONS else topic
                for topic in topics.load()
            ]
            with contextlib.closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
                ids = topics.apply(admin, table).ids
            return RunningBroker(broker.bootstrap, ids, broker.child.pid)

        yield start


@pytest.fixture(scope="session")
def broker(start_broker: Callable[[], RunningBroker]) -> RunningBroker:
    """The session's broker, with every topic; all tests of the session share its records."""
    return start_broker()


@pytest.fixture(scope="module")
def fresh_broker(start_broker: Callable[[], RunningBroker]) -> RunningBroker:
    """A broker of this test module alone, with every topic and no record."""
    return start_broker()


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDatabase]:
    """The session's database, empty at first."""
    directory = tmp_path_factory.mktemp("mongo")
    (port,) = free_ports(1)
    database = embedded.secantus(port, directory / "data", directory / "database.log")
    with Supervisor() as supervisor:
        supervisor.start(database.child, database.unready, embedded.DATABASE_READY_SECONDS)
        yield RunningDatabase(database.uri, database.child.pid)


@contextlib.contextmanager
def paused(pid: int) -> Iterator[None]:
    """Hold a process as a hung machine does; it goes on afterwards."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


_database_numbers = count(1)


@pytest.fixture
def database_name() -> str:
    """A database name no other test of this process has."""
    return f"test_{next(_database_numbers)}"
