"""A service of the test's own that reads one topic, and hands its records to the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from nameko.extensions import DependencyProvider

from services.kernel.config import KernelSettings
from services.kernel.container import NativeContainer
from services.kernel.kafka import Consume, Record, consume

SECONDS_MAX = 30.0
_numbers = count(1)


def new_topic(bootstrap: str, partitions: int = 1) -> str:
    """A topic that no other test has, with its dead-letter topic."""
    name = f"test.kernel.{next(_numbers)}"
    wanted = {"num_partitions": partitions, "replication_factor": 1}
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.create_topics({name: wanted, f"{name}.dlq": wanted}, wait_for_metadata=True)
    return name


def produce(bootstrap: str, topic: str, *values: str, partition: int = 0) -> None:
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        for value in values:
            headers = [("ce_id", value.encode())]
            sent = producer.send(topic, value.encode(), b"k", headers, partition=partition)
            sent.get(timeout=10)


def everything(bootstrap: str, topic: str, wanted: int) -> list[Record]:
    """The first records of a topic of one partition."""
    found: list[Record] = []
    with closing(KafkaConsumer(bootstrap_servers=bootstrap)) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        for _ in range(100):
            found += [r for rs in consumer.poll(timeout_ms=100).values() for r in rs]
            if len(found) >= wanted:
                break
    return found


class Notes(DependencyProvider):
    """What was handed over, and what the test answers to it. Thread-safe."""

    def setup(self) -> None:
        self.handed: list[tuple[int, str]] = []
        self.claimed: list[int] = []
        self.answer: Callable[[list[Record]], None] = lambda records: None
        self.position: Callable[[int], int] = lambda partition: 0
        self.kept: Callable[[], None] = lambda: None
        self.stored: Callable[[], int] = lambda: 1 << 60
        self.records_wanted = 50
        self._changed = threading.Condition()

    def get_dependency(self, worker_ctx: Any) -> Notes:
        return self

    def claim(self, partition: int) -> int:
        with self._changed:
            self.claimed.append(partition)
            self._changed.notify_all()
        return self.position(partition)

    def flush_pending(self) -> None:
        self.kept()

    def stored_offset(self, partition: int) -> int:
        return self.stored()

    def take(self, records: list[Record]) -> None:
        self.answer(records)
        with self._changed:
            self.handed += [(r.offset, (r.value or b"").decode()) for r in records]
            self._changed.notify_all()

    def wait(self, condition: Callable[[], Any], seconds: float = SECONDS_MAX) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, seconds), (self.handed, self.claimed)

    def wait_for(self, *values: str) -> None:
        """Wait until all values were handed over, in whatever order."""
        self.wait(lambda: set(values) <= set(self.values))

    @property
    def values(self) -> list[str]:
        return [value for _, value in self.handed]


def reader(topic: str, positions: str = "", group: str = "") -> type:
    class Reading:
        name = "reading"
        notes = Notes()

        @consume(topic, group=group or f"group.{topic}", positions=positions, max_records=50)
        def on_records(self, records: list[Record]) -> None:
            self.notes.take(records)

    return Reading


class Run:
    """A running reader."""

    def __init__(self, container: NativeContainer) -> None:
        self.container = container
        (self.notes,) = [each for each in container.dependencies if isinstance(each, Notes)]
        (self.consume,) = [each for each in container.entrypoints if isinstance(each, Consume)]


@contextmanager
def running(
    service: type, settings: KernelSettings, prepare: Callable[[Notes], None] = lambda notes: None
) -> Iterator[Run]:
    container = NativeContainer(service, settings)
    container.extensions.all.setup()
    run = Run(container)
    prepare(run.notes)
    container.entrypoints.all.start()
    try:
        yield run
    finally:
        container.stop()
