"""Publishes all submissions again as a new log generation, after the broker has lost the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from kafka.errors import KafkaError
from nameko.containers import WorkerContext
from nameko.extensions import DependencyProvider

from kieng.submissions.v1 import events_pb2, log_service_pb2
from services.kernel.errors import Unavailable
from services.kernel.publisher import PUBLISH_SECONDS_MAX, Event, KafkaPublisher
from services.submissions.documents import Loaded
from services.submissions.events import REPUBLISHED, TOPIC, events_of, source_of
from services.submissions.ids import new_id
from services.submissions.store import Databases, Submissions

BATCH = 500


class Log:
    """Writes events of a republication; ``publish`` writes each to the partition of its key.

    Args:
        publisher: provider of the Kafka producer of this process.
    """

    def __init__(self, publisher: KafkaPublisher) -> None:
        self._publisher = publisher
        self.publish: Callable[[Iterable[Event]], None] = publisher.publish

    def publish_everywhere(self, event: Event) -> None:
        """Write one event to every partition of its topic and wait for the acknowledgements.

        Raises:
            Unavailable: the broker did not acknowledge, or the topic does not exist; the operator
                starts the republication again.
        """
        try:
            producer = self._publisher.producer
            partitions: Sequence[int] = sorted(producer.partitions_for(event.topic) or ())
            futures = [
                producer.send(
                    event.topic,
                    event.value,
                    event.key.encode(),
                    headers=event.headers(),
                    partition=partition,
                )
                for partition in partitions
            ]
            producer.flush(PUBLISH_SECONDS_MAX)
            for future in futures:
                future.get(timeout=PUBLISH_SECONDS_MAX)
        except KafkaError as error:
            raise Unavailable(f"the broker does not acknowledge: {error!r}") from error
        if not partitions:
            raise Unavailable(f"topic {event.topic} does not exist; run `kieng topics apply`")


class LogPublisher(DependencyProvider):
    """Injects the `Log` to which a republication writes."""

    publisher = KafkaPublisher()

    def get_dependency(self, worker_ctx: WorkerContext) -> Log:
        """Return a `Log` that uses the producer of this process."""
        return Log(self.publisher)


def republish(
    databases: Databases, log: Log, generation: int
) -> Iterator[log_service_pb2.RepublishLogResponse]:
    """Publish the current state of every submission; yield progress after each batch.

    A response has the institution and its number of submissions published so far; in its last one
    `done` is true. An institution's events end with a `LogRepublished` event in every partition.
    Safe to repeat, because consumers keep the newest version.

    Args:
        databases: the submissions of all institutions.
        log: writes the events.
        generation: number of the new log, which `LogRepublished` carries.

    Raises:
        Unavailable: the broker or a database is down.
    """
    for submissions in databases.all():
        yield from _republish_one(submissions, log, generation)


def _republish_one(
    submissions: Submissions, log: Log, generation: int
) -> Iterator[log_service_pb2.RepublishLogResponse]:
    institution_id = submissions.institution_id
    published = 0
    loaded = submissions.every(BATCH)
    while batch := list(islice(loaded, BATCH)):
        published += _publish_batch(batch, log)
        yield log_service_pb2.RepublishLogResponse(
            institution_id=institution_id, submissions=published
        )
    log.publish_everywhere(_mark(institution_id, generation, published))
    yield log_service_pb2.RepublishLogResponse(
        institution_id=institution_id, submissions=published, done=True
    )


def _publish_batch(batch: list[Loaded], log: Log) -> int:
    states = [events_of(None, loaded.submission) for loaded in batch]
    log.publish(event for events in states for event in events)
    return sum(1 for events in states if events)


def _mark(institution_id: str, generation: int, submissions: int) -> Event:
    message = events_pb2.LogRepublished(
        institution_id=institution_id, generation=generation, submissions=submissions
    )
    return Event(
        event_id=new_id(),
        topic=TOPIC,
        key=f"republished:{institution_id}",
        type=REPUBLISHED,
        source=source_of(institution_id),
        value=message.SerializeToString(),
    )
