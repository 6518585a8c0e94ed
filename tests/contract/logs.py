"""The logs under the contract: that of the simulation, and a broker's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Protocol

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from services.cli.admin import topics
from services.kernel.kafka import Record
from services.kpi.config import Settings
from services.kpi.log.identity import LogDescription, beginnings, describe_log, divergence
from services.kpi.log.reader import read_partition, read_whole
from services.kpi.log.topic import SUBMISSIONS
from tests.simulation import history, platform
from tests.simulation.world import World

Headers = list[tuple[str, bytes]]
RECORDS_MAX = 100
SILENT_POLLS = 5
PARTITIONS = 3
TABLE = [
    replace(topic, partitions=PARTITIONS) if topic.name == SUBMISSIONS else topic
    for topic in topics.load()
]


class LogUnderTest(Protocol):
    """The submissions log of three partitions, as those use it who write, read and check it."""

    @property
    def refuses_positions_behind_its_end(self) -> bool:
        """Whether a consumer is refused there; the embedded broker lets it wait instead."""

    def describe(self) -> LogDescription:
        """Return what is said of the topic."""

    def numbers(self) -> set[int]:
        """Return the partitions as the producer sees them."""

    def put(self, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write one record and wait for the acknowledgement."""

    def beginnings(self) -> dict[int, int]:
        """Return the offset of the first record of each partition."""

    def ends(self) -> dict[int, int]:
        """Return the offset behind the last record of each partition that has any."""

    def read(self, partition: int, begin: int, end: int) -> list[Record]:
        """Return the records from one offset up to another, as a rebuild reads them."""

    def poll(self, partition: int, position: int) -> list[Record]:
        """Return what the consumer of a fold gets at a position."""

    def divergence(self, partition: int, next_offset: int, last_hash: str) -> str:
        """Say why the log is not the one that was folded."""

    def make_anew(self) -> None:
        """Remove the topic and make it again."""


class SimulatedLog:
    """The simulation's log, with nothing running in its world."""

    refuses_positions_behind_its_end = True

    def __init__(self) -> None:
        self._log = history.Log(PARTITIONS)
        world = World(1, crash_rate=0.0)
        stand_in = SimpleNamespace(log=self._log, look_at_the_log=world.point)
        self._settings = SimpleNamespace(platform=stand_in)

    def describe(self) -> LogDescription:
        return platform._describe(self._settings)

    def numbers(self) -> set[int]:
        return self._log.numbers()

    def put(self, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self._log.put(partition, key, value, headers)

    def beginnings(self) -> dict[int, int]:
        return dict.fromkeys(self._log.numbers(), 0)

    def ends(self) -> dict[int, int]:
        return {partition: end for partition, end in self._log.ends().items() if end}

    def read(self, partition: int, begin: int, end: int) -> list[Record]:
        return _flat(platform._read_partition(self._settings, partition, begin, end))

    def poll(self, partition: int, position: int) -> list[Record]:
        # A tuple's fields cannot be set, those of the protocol can.
        found: list[Any] = list(self._log.poll(partition, position, RECORDS_MAX))
        return found

    def divergence(self, partition: int, next_offset: int, last_hash: str) -> str:
        return platform._divergence(self._settings, partition, next_offset, last_hash)

    def make_anew(self) -> None:
        self._log.lose()


class BrokersLog:
    """The log of a broker, read by the code of the services.

    Args:
        bootstrap: where the broker is.
        start: starts another one; the embedded broker cannot remove a topic, so it is made anew
            as it is in life: with the broker. None removes the topic.
    """

    def __init__(self, bootstrap: str, start: Callable[[], str] | None) -> None:
        self._bootstrap, self._start = bootstrap, start
        self.refuses_positions_behind_its_end = start is None

    @property
    def _settings(self) -> Settings:
        return Settings(kafka_bootstrap=self._bootstrap)

    def describe(self) -> LogDescription:
        return describe_log(self._settings)

    def numbers(self) -> set[int]:
        with closing(KafkaProducer(bootstrap_servers=self._bootstrap)) as producer:
            return set(producer.partitions_for(SUBMISSIONS))

    def put(self, partition: int, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        with closing(KafkaProducer(**self._settings.producer_options())) as producer:
            sent = producer.send(SUBMISSIONS, value, key, headers=headers, partition=partition)
            sent.get(timeout=10)

    def beginnings(self) -> dict[int, int]:
        return beginnings(self._settings, self.numbers())

    def ends(self) -> dict[int, int]:
        batches = read_whole(self._settings)
        return {record.partition: record.offset + 1 for batch in batches for record in batch}

    def read(self, partition: int, begin: int, end: int) -> list[Record]:
        return _flat(read_partition(self._settings, partition, begin, end))

    def poll(self, partition: int, position: int) -> list[Record]:
        options: dict[str, Any] = self._settings.consumer_options("contract", True)
        place, found = TopicPartition(SUBMISSIONS, partition), list[Record]()
        with closing(KafkaConsumer(**options)) as consumer:
            consumer.assign([place])
            consumer.seek(place, position)
            silent = 0
            while silent < SILENT_POLLS:
                polled = consumer.poll(timeout_ms=200).get(place, [])
                silent = 0 if polled else silent + 1
                found += polled
        return found

    def divergence(self, partition: int, next_offset: int, last_hash: str) -> str:
        return divergence(self._settings, partition, next_offset, last_hash)

    def make_anew(self) -> None:
        if self._start is not None:
            self._bootstrap = self._start()
            return
        with closing(KafkaAdminClient(bootstrap_servers=self._bootstrap)) as admin:
            assert topics.renew(admin, SUBMISSIONS)
            topics.apply(admin, TABLE)


def _flat(batches: Iterable[Iterable[Record]]) -> list[Record]:
    return [record for batch in batches for record in batch]
