"""A real broker and a real database for the tests that want them, started once per session.

Each pytest process (each worker of pytest-xdist, too) starts its own on free ports, and only when a
test asks. `--broker kafka` takes Apache Kafka instead of the embedded broker. What runs in which
worker: tests/distribution.py; what runs when: docs/testing.md.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings
from kafka import KafkaAdminClient

from services.cli.admin import topics
from services.cli.local import apache_kafka, embedded
from services.cli.local.child_process import ChildGroup
from services.cli.local.ports import free_ports
from services.kernel import mongo_features
from services.kernel.mongo import Mongo
from services.kpi.log.topic import SUBMISSIONS
from tests.cpu_times import CpuTimes
from tests.distribution import Scheduling, depends_on_the_broker, in_order
from tests.kafka_sockets import close_unconnected

close_unconnected()
MEASURED = pytest.StashKey[list[str]]()
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
    parser.addoption(
        "--mongo",
        default="",
        help="URI of the database of the tests, which is emptied (default: starts the embedded)",
    )
    parser.addoption("--cpu", action="store_true", help="list the tests that took most CPU")


@pytest.fixture(scope="session")
def measured(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Call it with a line that the end of the test run shows."""
    return pytestconfig.stash.setdefault(MEASURED, []).append


def pytest_sessionstart(session: pytest.Session) -> None:
    """End at once if the database of `--mongo` is one that no service would start on."""
    if uri := session.config.getoption("--mongo"):
        with contextlib.closing(Mongo(uri, 5000)) as connection:
            lacking = mongo_features.missing(connection.database("test_features"))
        if lacking:
            text = f"the database lacks {'; '.join(lacking)}: see {mongo_features.PAGE}"
            pytest.exit(text, returncode=1)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for line in config.stash.get(MEASURED, []):
        terminalreporter.write_line(f"measured: {line}")


# Thousands of tests and all that they import live to the end: no collection looks through them.
def pytest_collection() -> None:
    gc.disable()


def pytest_collection_finish() -> None:
    gc.enable()
    gc.freeze()


# At exit nothing would collect them either, nor what services that tests start here exclude; and
# DuckDB would print a page about objects that were never freed.
atexit.register(gc.unfreeze)


def pytest_configure(config: pytest.Config) -> None:
    # nameko imports eventlet, which would import a resolver in every process that a test starts.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    # Neither luck nor how busy the machine is decides about a test.
    slow = [HealthCheck.too_slow]
    settings.register_profile("same", deadline=None, derandomize=True, suppress_health_check=slow)
    settings.load_profile("same")
    config.addinivalue_line("markers", "hostile: attacks a stack; wants a machine for itself")
    config.addinivalue_line("markers", "kafka: needs Java and Maven, runs a real Apache Kafka")
    config.addinivalue_line("markers", "slow: takes long by its nature; make test-slow runs it")
    config.addinivalue_line("markers", "deep: make test-slow repeats it with many more examples")
    config.addinivalue_line("markers", "hunt: searches for the seed that catches each mutant")
    config.addinivalue_line("markers", "log: depends on the broker; make test-kafka runs it, too")
    if config.getoption("--cpu"):
        config.pluginmanager.register(CpuTimes())
    # Whoever asks for Kafka must not get a green run in which everything was skipped.
    if config.getoption("--broker") == "kafka" and (reason := apache_kafka.unavailable()):
        raise pytest.UsageError(f"--broker kafka: {reason}")
    if config.getoption("--broker") == "kafka" and not hasattr(config, "workerinput"):
        apache_kafka.fetch(KAFKA_CACHE)  # once, before several workers want it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    in_order(items)
    for item in items:
        if depends_on_the_broker(item):
            item.add_marker(pytest.mark.log)
        if item.nodeid.startswith("tests/property/"):
            item.add_marker(pytest.mark.deep)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Give out by unit of work, whatever --dist says."""
    return Scheduling(config, log)


StartBroker = Callable[..., RunningBroker]
"""Starts a broker with all topics; the submissions' may get more partitions than one."""


@contextlib.contextmanager
def _starting(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartBroker]:
    with ChildGroup() as supervisor:

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


@pytest.fixture
def start_broker(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartBroker]:
    """Starts brokers of the chosen kind, which are stopped when the test ends."""
    with _starting(pytestconfig.getoption("--broker"), tmp_path_factory) as start:
        yield start


@pytest.fixture(scope="session")
def broker(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBroker]:
    """The session's broker, with every topic; all tests of the session share its records."""
    with _starting(pytestconfig.getoption("--broker"), tmp_path_factory) as start:
        yield start()


@pytest.fixture(scope="module")
def fresh_broker(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBroker]:
    """A broker of this test module alone, with every topic and no record."""
    with _starting(pytestconfig.getoption("--broker"), tmp_path_factory) as start:
        yield start()


@pytest.fixture(scope="session")
def mongo(
    pytestconfig: pytest.Config,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningDatabase]:
    """The session's database, empty at first; with ``--mongo`` that one."""
    if uri := pytestconfig.getoption("--mongo"):
        yield RunningDatabase(uri, 0)
        return
    directory = tmp_path_factory.mktemp("mongo")
    (port,) = free_ports(1)
    database = embedded.secantus(port, directory / "data", directory / "database.log")
    with ChildGroup() as supervisor:
        supervisor.start(database.child, database.unready, embedded.DATABASE_READY_SECONDS)
        yield RunningDatabase(database.uri, database.child.pid)


_database_numbers = count(1)


@pytest.fixture
def database_name() -> str:
    """A database name no other test of this process has."""
    return f"test_{next(_database_numbers)}"


@pytest.fixture
def restored_log() -> Iterator[None]:
    """Undo what `configure_log` does to this process, whose output is another in the next test."""
    level = logging.getLogger("kafka").level
    yield
    logging.getLogger("kafka").setLevel(level)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
