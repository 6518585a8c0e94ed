from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace

import pytest
from kafka import KafkaConsumer, TopicPartition

from services.kernel.config import KernelSettings
from services.kernel.errors import Unavailable
from services.kernel.publisher import Event, KafkaPublisher
from services.submissions.events import TOPIC
from services.submissions.republish import Log
from tests.conftest import RunningBroker


@pytest.fixture
def log(broker: RunningBroker) -> Iterator[Log]:
    publisher = KafkaPublisher()
    publisher.container = SimpleNamespace(settings=KernelSettings(kafka_bootstrap=broker.bootstrap))
    yield Log(publisher)
    publisher.stop()


def test_a_mark_reaches_every_partition_after_what_came_before(
    log: Log, broker: RunningBroker
) -> None:
    state = Event("s1", TOPIC, "k", "state", "kieng/submissions/mark-test", b"state")
    mark = Event("m1", TOPIC, "republished:mark-test", "mark", state.source, b"mark")
    log.publish([state])
    log.publish_everywhere(mark)
    with closing(KafkaConsumer(bootstrap_servers=broker.bootstrap)) as consumer:
        partitions = [TopicPartition(TOPIC, n) for n in consumer.partitions_for_topic(TOPIC) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        found: dict[int, list[bytes]] = {partition.partition: [] for partition in partitions}
        for _ in range(100):
            for records in consumer.poll(timeout_ms=100).values():
                ours = [r for r in records if ("ce_source", state.source.encode()) in r.headers]
                for record in ours:
                    found[record.partition].append(record.value)
            if all(values[-1:] == [b"mark"] for values in found.values()):
                break
    assert all(values[-1:] == [b"mark"] for values in found.values())
    assert sum(values == [b"state", b"mark"] for values in found.values()) == 1


def test_a_topic_that_does_not_exist_is_told() -> None:
    class Nowhere:
        producer = SimpleNamespace(partitions_for=lambda topic: set(), flush=lambda timeout: None)

        def publish(self, events: object) -> None:
            raise AssertionError("nothing is published")

    with pytest.raises(Unavailable, match="topics apply"):
        Log(Nowhere()).publish_everywhere(Event("1", "t", "k", "x", "s", b""))  # type: ignore[arg-type]
