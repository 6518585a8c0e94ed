"""Adds partitions to the submissions log.

The partition of a record depends on its key and on the number of partitions. With another number,
claims of one work would be in different partitions and be counted twice. So all records are removed
afterwards, and the log is published again from the submissions databases as a new generation.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from kafka import KafkaAdminClient, TopicPartition

from services.cli.admin.log_offsets import TOPIC
from services.cli.errors import DOWN, NO, Failure
from services.kernel.config import METADATA_AGE_MS

KNOWN_SECONDS = 1.5 * METADATA_AGE_MS / 1000
"""Time after which every producer of the services has noticed the new partitions."""
POLL_SECONDS = 0.2
TO_THE_END = -1
CREATED_SECONDS = 30.0


def count(admin: KafkaAdminClient) -> int:
    """Return the number of partitions of the submissions log; 0 if the topic does not exist.

    Raises:
        KafkaError: the broker does not answer.
    """
    # All topics are listed, because a broker that creates topics on first use could create a topic
    # that is asked for by name.
    found = (topic for topic in admin.describe_topics() if topic["name"] == TOPIC)
    return sum(len(topic["partitions"]) for topic in found)


def grow(admin: KafkaAdminClient, partitions: int) -> None:
    """Raise the number of partitions of the submissions log to ``partitions``, and wait for them.

    Does nothing if the log has that many already.

    Raises:
        Failure: the log does not exist, has more partitions, which Kafka cannot remove, or does not
            have the new ones after `CREATED_SECONDS`.
        KafkaError: the broker does not answer, or refuses.
    """
    here = count(admin)
    if not here:
        raise Failure(f"there is no topic {TOPIC}: run `kieng topics apply`", NO)
    if here > partitions:
        text = f"{TOPIC} has {here} partitions, and Kafka cannot take any away: say {here}"
        raise Failure(text, NO)
    if here == partitions:
        return
    admin.create_partitions({TOPIC: partitions})
    deadline = time.monotonic() + CREATED_SECONDS
    while count(admin) != partitions:
        if time.monotonic() > deadline:
            raise Failure(f"{TOPIC} has no {partitions} partitions yet: repeat later", DOWN)
        time.sleep(POLL_SECONDS)


def purge(admin: KafkaAdminClient, partitions: int, sleep: Callable[[float], None]) -> None:
    """Wait until every producer has noticed the new partitions, then remove all records of the log.

    Args:
        admin: admin client of the broker.
        partitions: number of partitions of the log.
        sleep: function that waits for a number of seconds; it is called once.

    Raises:
        KafkaError: the broker does not answer, or refuses.
    """
    sleep(KNOWN_SECONDS)
    places = [TopicPartition(TOPIC, number) for number in range(partitions)]
    admin.delete_records(dict.fromkeys(places, TO_THE_END))
