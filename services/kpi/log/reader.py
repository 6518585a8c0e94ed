"""Reads the submissions log without a consumer group: the only such reader in this service.

There are two kinds of end. A known end is an offset that some view has read up to: its records
exist, so a broker that does not return them counts as unavailable. The present end is what the
broker reports while producers may still write. Apache Kafka reports it exactly, the embedded broker
reports an offset within its last batch. So a partition counts as read to its present end if one of
these holds:

- A later report is greater than the first one, and the position has reached it: the last batch of
  the
first report is then complete.
- Every reported end has been reached and nothing more arrives in `QUIET_POLLS` empty polls, each
followed by a report, which a hanging broker would not give.

Silence is counted in empty polls, so that the time the caller spends on a batch does not count.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Protocol

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError

from services.kernel.config import KernelSettings
from services.kernel.errors import Unavailable
from services.kernel.kafka import Record
from services.kpi.log.topic import SUBMISSIONS

RECORDS_PER_BATCH = 5000
POLL_MS = 200
QUIET_POLLS = 10
"""Number of empty polls, about two seconds, after which an end that may be inexact is accepted."""
SILENT_POLLS_MAX = 150
"""Number of empty polls, about 30 seconds, after which a broker that owes records is unavailable.
"""

Ends = Mapping[TopicPartition, int]
Batches = Generator[list[Record], None, None]


class End(Protocol):
    """Decides when partitions of the log have been read to their end; asked before every poll."""

    def reached(self, left: Collection[TopicPartition], silent_polls: int) -> set[TopicPartition]:
        """Return which of the partitions in ``left`` have now been read to their end.

        Args:
            left: partitions that were not finished at the previous poll.
            silent_polls: number of consecutive empty polls.
        """

    def offset(self, partition: TopicPartition) -> int | None:
        """Return the offset before which to stop reading a partition; None for no limit."""

    def missing(self, partition: TopicPartition) -> str:
        """Return, for an error message, how far a partition was read and how far it should be."""


def read_partition(
    settings: KernelSettings, partition: int, begin: int, end: int
) -> Iterator[list[Record]]:
    """Yield the records of one partition of the log from ``begin`` to before ``end``, in batches.

    Args:
        settings: how to reach the broker.
        partition: number of the partition.
        begin: first offset to read.
        end: offset before which to stop; some view must have read up to it.

    Raises:
        Unavailable: the broker is down, or does not return the records in time.
    """
    return read_partitions(settings, {partition: begin}, {partition: end})


def read_partitions(
    settings: KernelSettings, begins: Mapping[int, int], ends: Mapping[int, int]
) -> Iterator[list[Record]]:
    """Yield the records of several partitions of the log up to known ends.

    Each batch holds records of one partition; there is no order between partitions.

    Args:
        settings: how to reach the broker.
        begins: partition -> first offset to read; 0 for a partition that is missing here.
        ends: partition -> offset before which to stop; some view must have read up to it.

    Raises:
        Unavailable: the broker is down, or does not return the records in time.
    """
    wanted = {TopicPartition(SUBMISSIONS, p): end for p, end in ends.items()}
    starts = {place: begins.get(place.partition, 0) for place in wanted}
    wanted = {place: end for place, end in wanted.items() if starts[place] < end}
    if not wanted:
        return
    with open_consumer(settings) as opened:
        seek(opened, {place: starts[place] for place in wanted})
        yield from batches(opened, wanted, KnownEnd(opened, wanted))


def read_whole(settings: KernelSettings) -> Iterator[list[Record]]:
    """Yield all records of the log, in batches; records written meanwhile may be included.

    Raises:
        Unavailable: the broker is down, there is no log, or records do not arrive in time.
    """
    with open_consumer(settings) as opened:
        numbers = sorted(opened.partitions_for_topic(SUBMISSIONS) or ())
        if not numbers:
            at = settings.kafka_bootstrap
            raise Unavailable(f"{at} has no topic {SUBMISSIONS}; run `kieng topics apply`")
        partitions = [TopicPartition(SUBMISSIONS, number) for number in numbers]
        yield from to_present_end(opened, opened.beginning_offsets(partitions))


@contextmanager
def open_consumer(settings: KernelSettings) -> Iterator[Any]:
    """Yield a new Kafka consumer without a group and without stored positions; close it after.

    It has no partitions assigned yet, and reads committed records only.

    Raises:
        Unavailable: Kafka raised an error when opening the consumer or in the block.
    """
    try:
        opened = KafkaConsumer(
            **settings.kafka_options(),
            auto_offset_reset="none",
            enable_auto_commit=False,
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=settings.kafka_fetch_wait_ms,
            max_poll_records=RECORDS_PER_BATCH,
        )
        with closing(opened):
            yield opened
    except KafkaError as error:
        raise Unavailable(f"the log cannot be read: {error!r}") from error


def record_at(consumer: Any, partition: int, offset: int) -> Record | None:
    """Return the first record at or after an offset; None if the partition ends before it.

    Transaction markers leave gaps in the offsets, so the record may have a higher offset.

    Args:
        consumer: consumer opened by `open_consumer`; its assignment is replaced.
        partition: number of the partition.
        offset: the offset.

    Raises:
        Unavailable: the broker does not return an existing record.
    """
    with closing(to_present_end(consumer, {TopicPartition(SUBMISSIONS, partition): offset})) as log:
        try:
            return next((records[0] for records in log), None)
        except OffsetOutOfRangeError:
            return None


def seek(consumer: Any, begins: Ends) -> None:
    """Assign these partitions to a consumer and move each to its first offset to read."""
    consumer.assign(list(begins))
    for place, offset in begins.items():
        consumer.seek(place, offset)


def to_present_end(consumer: Any, begins: Ends) -> Batches:
    """Assign partitions to a consumer; yield their records up to the present end, in batches.

    Records that are written meanwhile may be included.

    Args:
        consumer: consumer opened by `open_consumer`; its assignment is replaced.
        begins: partition -> first offset to read.

    Raises:
        Unavailable: records stop arriving before the end of a partition is reached.
    """
    end = PresentEnd(consumer, consumer.end_offsets(list(begins)))
    seek(consumer, begins)
    return batches(consumer, begins, end)


def batches(consumer: Any, partitions: Collection[TopicPartition], end: End) -> Batches:
    """Yield the records of assigned partitions; each batch holds records of one partition.

    Args:
        consumer: a `KafkaConsumer`; each partition is paused as soon as it is finished.
        partitions: partitions to read.
        end: decides how far to read.

    Raises:
        Unavailable: over `SILENT_POLLS_MAX` polls in a row returned nothing before the end was
            reached.
    """
    left = set(partitions)
    silent = 0
    while left := left - _paused(consumer, end.reached(left, silent)):
        if silent > SILENT_POLLS_MAX:
            raise Unavailable(end.missing(min(left)))
        polled = consumer.poll(timeout_ms=POLL_MS)
        for place, records in polled.items():
            until = end.offset(place)
            wanted = [r for r in records if until is None or r.offset < until]
            if wanted:
                yield wanted
        silent = 0 if polled else silent + 1


def _paused(consumer: Any, done: set[TopicPartition]) -> set[TopicPartition]:
    if done:
        consumer.pause(*done)
    return done


class KnownEnd:
    """Known ends of partitions: offsets that some view has already read up to.

    Args:
        consumer: the consumer that reads.
        ends: partition -> offset before which to stop.
    """

    def __init__(self, consumer: Any, ends: Ends) -> None:
        self._consumer = consumer
        self._ends = ends

    def reached(self, left: Collection[TopicPartition], silent_polls: int) -> set[TopicPartition]:
        """Return those in ``left`` whose position is at or after their known end."""
        return {place for place in left if self._consumer.position(place) >= self._ends[place]}

    def offset(self, partition: TopicPartition) -> int | None:
        """Return the known end of the partition."""
        return self._ends[partition]

    def missing(self, partition: TopicPartition) -> str:
        """Return a text that names the partition and its known end, which was not reached."""
        return f"partition {partition.partition} ends before offset {self._ends[partition]}"


class PresentEnd:
    """The present ends of partitions, as the broker reports them.

    Args:
        consumer: the consumer that reads and asks the broker.
        first: partition -> end offset reported when reading began.
    """

    def __init__(self, consumer: Any, first: Ends) -> None:
        self._consumer = consumer
        self._first = first
        self._exact: dict[TopicPartition, int] = {}

    def reached(self, left: Collection[TopicPartition], silent_polls: int) -> set[TopicPartition]:
        """Return those in ``left`` that were read to their present end.

        A partition whose exact end is known must have reached it. Others must have reached the end
        reported first, followed by over `QUIET_POLLS` empty polls.
        """
        position = self._consumer.position
        reached = {place for place in left if position(place) >= self._first[place]}
        if asked := sorted(reached - self._exact.keys()):
            answers = self._consumer.end_offsets(asked)
            self._exact |= {p: answer for p, answer in answers.items() if answer > self._first[p]}
        done = {p for p in reached if p in self._exact and position(p) >= self._exact[p]}
        return done | (reached - self._exact.keys()) if silent_polls > QUIET_POLLS else done

    def offset(self, partition: TopicPartition) -> int | None:
        """Return None, i.e. no limit: records that are written meanwhile may be included."""
        return None

    def missing(self, partition: TopicPartition) -> str:
        """Return a text that names the partition, its position and its present end."""
        stops = f"partition {partition.partition} stops at {self._consumer.position(partition)}"
        return f"{stops}, but reaches to {self._exact.get(partition, self._first[partition])}"
